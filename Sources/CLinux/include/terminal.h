#pragma once

/// TIOCGWINSZ (ioctl_tty(2)): the size of a terminal in characters. `ioctl` is variadic.
int linux_window_size(int terminal, unsigned short *rows, unsigned short *columns);

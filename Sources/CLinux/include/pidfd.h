#pragma once

/// pidfd_open(2): a descriptor of a process, close-on-exec; -1 and errno on failure.
int linux_pidfd_open(int pid, unsigned int flags);

/// pidfd_send_signal(2) without further information; -1 and errno on failure.
int linux_pidfd_send_signal(int pidfd, int signal);

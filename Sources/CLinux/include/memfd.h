#pragma once

/// memfd_create(2): a file in memory without a path, close-on-exec; -1 and errno on failure.
int linux_memfd_create(const char *name);

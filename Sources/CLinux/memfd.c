#define _GNU_SOURCE
#include "memfd.h"
#include <sys/mman.h>

int linux_memfd_create(const char *name)
{
    return memfd_create(name, MFD_CLOEXEC);
}

#define _GNU_SOURCE
#include "unpack.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/xattr.h>
#include <unistd.h>

const int unpack_o_path = O_PATH;

int unpack_die_with_parent(void)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

int unpack_no_new_privileges(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int unpack_fsetxattr(int file, const char *name, const void *value, size_t size)
{
    return fsetxattr(file, name, value, size, 0);
}

long unpack_fgetxattr(int file, const char *name, void *value, size_t size)
{
    return fgetxattr(file, name, value, size);
}

int unpack_syncfs(int file)
{
    return syncfs(file);
}

#pragma once
#include <stddef.h>

// What unpacking images needs of the C library and Swift cannot see. Headers that declare types of Glibc's are
// kept out of here: their types would become this module's.

/// O_PATH, which exists only under _GNU_SOURCE: open(2).
extern const int unpack_o_path;
/// Has the kernel kill this process when its parent's thread ends: prctl(2). 0, or -1 and errno.
int unpack_die_with_parent(void);
/// Sets no_new_privs: prctl(2). 0, or -1 and errno.
int unpack_no_new_privileges(void);
/// fsetxattr(2).
int unpack_fsetxattr(int file, const char *name, const void *value, size_t size);
/// fgetxattr(2).
long unpack_fgetxattr(int file, const char *name, void *value, size_t size);
/// syncfs(2).
int unpack_syncfs(int file);

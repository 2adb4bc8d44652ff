#pragma once

#include <stdint.h>
#include <sys/types.h>

// User namespaces. A process that unshares one for itself loses its powers over the machine; so it is made by a child
// that does nothing else, and used by descriptor.

/// A child that does nothing but hold the namespaces that were made with it.
struct linux_holder {
    pid_t process;
    int pidfd;
    void *stack;
};

/// Starts a child in a new user namespace, to which its other new namespaces belong (user_namespaces(7)): `namespaces` are
/// CLONE_NEW* flags. It ends with the calling thread at the latest.
int linux_hold_namespaces(uint64_t namespaces, struct linux_holder *holder);
/// Ends the child. Namespaces that nobody else has opened or joined end with it.
void linux_release_holder(struct linux_holder *holder);
/// setns(2).
int linux_join(int descriptor, int namespaces);
/// Whether the file system of a directory can show other owners than it stores (mount_setattr(2), MOUNT_ATTR_IDMAP):
/// 0, or -1 with the reason in `errno`.
int linux_can_map(const char *path, int user_namespace);

#pragma once
// The capabilities' numbers are the kernel's. libcap's own header also includes <sys/types.h>; the compiler then takes
// this module for the owner of pthread_attr_t and others, and asks every file that uses them to import it.
#include <linux/capability.h>

/// The number of a capability by its name; -1 for an unknown one: cap_from_text(3).
int cap_from_name(const char *name, int *number);
/// The name of a capability, to be released with cap_free: cap_from_text(3).
char *cap_to_name(int number);
/// Releases what libcap allocated.
int cap_free(void *object);
/// How many capabilities the running kernel knows.
int cap_max_bits(void);
/// Whether a capability is in the bounding set of the calling thread; -1 for an unknown one: cap_get_proc(3).
int cap_get_bound(int number);

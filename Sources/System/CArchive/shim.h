#pragma once
// libarchive includes C library headers. Swift's own module of the C library must come first, or this module would
// own types such as pthread_attr_t, and every file that uses them would have to import it.
#if __has_feature(modules)
#pragma clang module import SwiftGlibc
#endif
#include <archive.h>
#include <archive_entry.h>

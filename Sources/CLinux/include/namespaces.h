#pragma once

/// Runs `body(context)` on a new thread that has entered a namespace (setns(2)) and waits for its end. The thread ends
/// there, so no thread of the program is left in the namespace. The thread takes no signals. -1 and errno on failure, and then
/// `body` was not run.
int linux_run_in_namespace(int descriptor, int type, void (*body)(void *context), void *context);

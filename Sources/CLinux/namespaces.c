#define _GNU_SOURCE
#include "namespaces.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

struct visit {
    int descriptor;
    int type;
    void (*body)(void *);
    void *context;
    int error;
};

static void *run(void *argument)
{
    struct visit *visit = argument;
    if (setns(visit->descriptor, visit->type) != 0)
        visit->error = errno;
    else
        visit->body(visit->context);
    return NULL;
}

int linux_run_in_namespace(int descriptor, int type, void (*body)(void *), void *context)
{
    struct visit visit = {.descriptor = descriptor, .type = type, .body = body, .context = context};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, &visit);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0) {
        pthread_join(thread, NULL);
        error = visit.error;
    }
    errno = error;
    return error == 0 ? 0 : -1;
}

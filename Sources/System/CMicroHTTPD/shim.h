#pragma once
#include <microhttpd.h>
// The Glibc module has no epoll and no eventfd; the watch for clients that hang up needs both.
#include <sys/epoll.h>
#include <sys/eventfd.h>

// What a daemon is started with. MHD_start_daemon and MHD_get_connection_info are variadic, which Swift cannot call.
struct martlet_mhd_options {
    int listen_descriptor;
    unsigned int threads;
    unsigned int connection_limit;
    unsigned int idle_timeout_seconds;
    // All three null for plain HTTP; `client_ca` may be null alone.
    const char *certificate;
    const char *private_key;
    const char *client_ca;
    const char *priorities;
    void *context;
    MHD_AccessHandlerCallback handle;
    void *(*started)(void *context, const char *uri, struct MHD_Connection *connection);
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connected;
};

static inline struct MHD_Daemon *martlet_mhd_start(const struct martlet_mhd_options *options)
{
    struct MHD_OptionItem items[16];
    int count = 0;
#define MARTLET_ITEM(name, number, pointer) \
    items[count++] = (struct MHD_OptionItem) { name, (intptr_t) (number), (void *) (pointer) }
    MARTLET_ITEM(MHD_OPTION_LISTEN_SOCKET, options->listen_descriptor, 0);
    MARTLET_ITEM(MHD_OPTION_CONNECTION_LIMIT, options->connection_limit, 0);
    MARTLET_ITEM(MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_seconds, 0);
    MARTLET_ITEM(MHD_OPTION_URI_LOG_CALLBACK, options->started, options->context);
    MARTLET_ITEM(MHD_OPTION_NOTIFY_COMPLETED, options->completed, options->context);
    MARTLET_ITEM(MHD_OPTION_NOTIFY_CONNECTION, options->connected, options->context);
    // A pool of one thread is refused: that is what a daemon without a pool has.
    if (options->threads > 1)
        MARTLET_ITEM(MHD_OPTION_THREAD_POOL_SIZE, options->threads, 0);
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (options->certificate) {
        flags |= MHD_USE_TLS;
        MARTLET_ITEM(MHD_OPTION_HTTPS_MEM_CERT, 0, options->certificate);
        MARTLET_ITEM(MHD_OPTION_HTTPS_MEM_KEY, 0, options->private_key);
        MARTLET_ITEM(MHD_OPTION_HTTPS_PRIORITIES, 0, options->priorities);
        if (options->client_ca)
            MARTLET_ITEM(MHD_OPTION_HTTPS_MEM_TRUST, 0, options->client_ca);
    }
    MARTLET_ITEM(MHD_OPTION_END, 0, 0);
#undef MARTLET_ITEM
    return MHD_start_daemon(flags, 0, 0, 0, options->handle, options->context, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

static inline int martlet_mhd_socket(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

// The gnutls_session_t; null for plain HTTP.
static inline void *martlet_mhd_tls_session(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info ? info->tls_session : 0;
}

// What the `connected` callback has stored for the connection.
static inline void *martlet_mhd_connection_context(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : 0;
}

static inline const struct sockaddr *martlet_mhd_client_address(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : 0;
}

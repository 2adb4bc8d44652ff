#pragma once
#include <curl/curl.h>
#include <sys/syscall.h>
#include <unistd.h>

// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call.
static inline CURLcode martlet_curl_set_long(CURL *handle, CURLoption option, long value)
{
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode martlet_curl_set_size(CURL *handle, CURLoption option, curl_off_t value)
{
    return curl_easy_setopt(handle, option, value);
}

// Strings, lists and contexts.
static inline CURLcode martlet_curl_set_pointer(CURL *handle, CURLoption option, const void *value)
{
    return curl_easy_setopt(handle, option, value);
}

// CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION.
static inline CURLcode martlet_curl_set_sink(CURL *handle, CURLoption option, curl_write_callback value)
{
    return curl_easy_setopt(handle, option, value);
}

// CURLOPT_XFERINFOFUNCTION.
static inline CURLcode martlet_curl_set_progress(CURL *handle, curl_xferinfo_callback value)
{
    return curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, value);
}

static inline long martlet_curl_status(CURL *handle)
{
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

// How many connections the last transfer had to open.
static inline long martlet_curl_connections(CURL *handle)
{
    long count = 0;
    curl_easy_getinfo(handle, CURLINFO_NUM_CONNECTS, &count);
    return count;
}

static inline int martlet_curl_socket(CURL *handle)
{
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &socket);
    return socket;
}

// memfd_create(2) with MFD_CLOEXEC: libcurl's GnuTLS build reads certificates and keys from files only.
static inline int martlet_memory_file(const char *name)
{
    return (int) syscall(SYS_memfd_create, name, 1U);
}

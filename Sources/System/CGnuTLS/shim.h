#pragma once
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <gnutls/crypto.h>

// gnutls_free is a variable that holds a function, which Swift takes for shared mutable state.
static inline void martlet_gnutls_free(void *memory) { gnutls_free(memory); }

/*
 * libcurl, loaded when it is first needed: it brings some thirty libraries along, and most commands
 * that a person types many times (`run` without a daemon, `doctor`, `version`) need none of them.
 */
#pragma once

#define CURL_DISABLE_TYPECHECK /* its macros stand in the way of pointers to its functions */
#include <curl/curl.h>

#include "base/err.h"

#define CURL_FUNCTIONS(X)                                                                          \
	X(curl_global_init)                                                                        \
	X(curl_easy_init)                                                                          \
	X(curl_easy_perform)                                                                       \
	X(curl_easy_cleanup)                                                                       \
	X(curl_easy_setopt)                                                                        \
	X(curl_easy_getinfo)                                                                       \
	X(curl_easy_strerror)                                                                      \
	X(curl_multi_init)                                                                         \
	X(curl_multi_cleanup)                                                                      \
	X(curl_multi_add_handle)                                                                   \
	X(curl_multi_remove_handle)                                                                \
	X(curl_multi_perform)                                                                      \
	X(curl_multi_poll)                                                                         \
	X(curl_multi_info_read)                                                                    \
	X(curl_slist_append)                                                                       \
	X(curl_slist_free_all)

#define X(f) __typeof__(&(f)) f;
struct curl_library {
	CURL_FUNCTIONS(X)
};
#undef X

/* All of it is there after curl_load() was 0. -ENOENT, with the package to install: it is not. */
extern struct curl_library lib;
int curl_load(struct err *reterr);

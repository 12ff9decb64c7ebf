#include "cli/curl.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

struct curl_library lib;

static int take(void *library, const char *name, void *to)
{
	void *p = dlsym(library, name);

	memcpy(to, &p, sizeof(p));
	return p != NULL;
}

int curl_load(struct err *reterr)
{
	static int loaded;
	void *library;
	int ok = 1;

	if (loaded)
		return 0;
	library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return err_set(reterr, ENOENT, "client.library",
			       "libcurl cannot be loaded (%s); install it (Debian: libcurl4)",
			       dlerror());
#define X(f) ok = ok && take(library, #f, &lib.f);
	CURL_FUNCTIONS(X)
#undef X
	if (!ok || lib.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(reterr, ENOENT, "client.library",
			       "libcurl is not as it should be; install version 7.85 or newer");
	loaded = 1;
	return 0;
}

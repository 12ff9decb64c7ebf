/* GET /openapi.json: the API's own description, which is part of the program (tools/embed). */
#include "control/control.h"

extern const unsigned char openapi_json[];
extern const size_t openapi_json_size;

void openapi(struct request *q)
{
	struct buf b = BUF_INIT(openapi_json_size);

	buf_add(&b, openapi_json, openapi_json_size);
	http_answer(q, 200, "application/json", &b);
}

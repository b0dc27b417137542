/* The port of Prometheus: metrics as text, and how the server is. */
#pragma once

#include "admin/http.h"

/* A handler of http.h; context is the console. */
void metrics_page(struct http_call *call, void *context);

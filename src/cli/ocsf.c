#include "cli/ocsf.h"

#include "base/json.h"
#include "cli/moment.h"

#include <stdio.h>
#include <string.h>

#ifndef CORDON_VERSION
#define CORDON_VERSION "unknown"
#endif

enum { WORD_MAX = 256 };

/* Words of the schema: numbers and their captions. */
enum severity { INFORMATIONAL = 1, LOW, MEDIUM, HIGH };
enum status { STATUS_UNKNOWN, SUCCESS, FAILURE, STATUS_NEW };
enum action { NO_ACTION = 0, ALLOWED = 1, DENIED = 2, OBSERVED = 3 };

static const char *const severities[] = {"Unknown", "Informational", "Low", "Medium", "High"};
static const struct {
	int id;
	const char *name;
} statuses[] = {{0, "Unknown"}, {1, "Success"}, {2, "Failure"}, {1, "New"}};
static const struct {
	const char *action, *disposition;
	int disposition_id;
} actions[] = {[ALLOWED] = {"Allowed", "Allowed", 1},
	       [DENIED] = {"Denied", "Blocked", 2},
	       [OBSERVED] = {"Observed", "Logged", 17}};

static const struct ocsf_class {
	const char *name, *category;
	int uid;
	int has_trace; /* the profile "trace" belongs to it */
} classes[] = {{"Process Activity", "System Activity", 1007, 0},
	       {"Detection Finding", "Findings", 2004, 0},
	       {"Account Change", "Identity & Access Management", 3001, 0},
	       {"Authorize Session", "Identity & Access Management", 3003, 0},
	       {"Entity Management", "Identity & Access Management", 3004, 0},
	       {"User Access Management", "Identity & Access Management", 3005, 0},
	       {"HTTP Activity", "Network Activity", 4002, 1},
	       {"API Activity", "Application Activity", 6003, 1}};

/* What one event becomes. */
struct target {
	int class, activity;
	const char *activity_name;
	enum severity severity;
	enum status status;
	enum action action;
	const char *message; /* of a person */
	const char *operation, *entity;
};

struct source {
	struct jsonview item, event;
	struct buf *out;
	char name[WORD_MAX];
};

/* ---- writing ---- */

/* The comma that is due, and the name; NULL: in an array. */
static void begin(struct buf *b, const char *name)
{
	char last = b->len ? (char)b->data[b->len - 1] : '{';

	if (last != '{' && last != '[')
		buf_addc(b, ',');
	if (name)
		buf_addf(b, "\"%s\":", name);
}

static void open_object(struct buf *b, const char *name)
{
	begin(b, name);
	buf_addc(b, '{');
}

static void open_array(struct buf *b, const char *name)
{
	begin(b, name);
	buf_addc(b, '[');
}

static void number(struct buf *b, const char *name, int64_t value)
{
	begin(b, name);
	buf_addf(b, "%lld", (long long)value);
}

static void text(struct buf *b, const char *name, const char *value)
{
	begin(b, name);
	json_quote_str(b, value);
}

/* A member of the event under another name, as a string; nothing if it is not there. */
static void copy(const struct source *s, const char *name, const char *member)
{
	struct jsonview v = jsonview_get(s->event, member);
	_cleanup_buf_ struct buf value = BUF_INIT(v.len);

	jsonview_text(v, &value);
	if (!value.len)
		return;
	begin(s->out, name);
	json_quote(s->out, buf_str(&value), value.len);
}

static void word(const struct source *s, const char *member, char out[WORD_MAX])
{
	jsonview_copy(jsonview_get(s->event, member), out, WORD_MAX);
}

static int has(const struct source *s, const char *member)
{
	struct jsonview v = jsonview_get(s->event, member);

	return v.len && !jsonview_is(v, "null") && !jsonview_is(v, "\"\"") &&
	       !jsonview_is(v, "\"none\"");
}

/* ---- parts that several classes have ---- */

/* The event's place in the log: the same event again has it again. */
static void add_place(const struct source *s)
{
	begin(s->out, "uid");
	buf_addf(s->out, "\"%llu.%llu\"",
		 (unsigned long long)jsonview_u64(jsonview_get(s->item, "entry"), 0),
		 (unsigned long long)jsonview_u64(jsonview_get(s->item, "line"), 0));
}

static void add_process(const struct source *s, const char *name)
{
	open_object(s->out, name);
	copy(s, "uid", "run");
	text(s->out, "name", "cordon-sandbox");
	copy(s, "sandbox", "engine");
	buf_addc(s->out, '}');
}

/* Who asked: a key by its ID, or "local" and "ledger". */
static void add_user(const struct source *s, const char *name, const char *member)
{
	char who[WORD_MAX];
	int is_key;

	word(s, member, who);
	is_key = !strncmp(who, "key_", 4);
	open_object(s->out, name);
	copy(s, is_key ? "uid" : "name", member);
	if (is_key)
		copy(s, "credential_uid", member);
	number(s->out, "type_id", is_key ? 4 : 3);
	text(s->out, "type", is_key ? "Service" : "System");
	if (has(s, "tenant")) {
		open_object(s->out, "org");
		copy(s, "uid", "tenant");
		buf_addc(s->out, '}');
	}
	buf_addc(s->out, '}');
}

static void add_actor(const struct source *s)
{
	const char *who = has(s, "by") ? "by" : has(s, "key") && !has(s, "act") ? "key" : NULL;

	open_object(s->out, "actor");
	text(s->out, "app_name", "cordon");
	if (has(s, "tool"))
		add_process(s, "process");
	if (has(s, "session")) {
		open_object(s->out, "session");
		copy(s, "uid", "session");
		buf_addc(s->out, '}');
	}
	if (who)
		add_user(s, "user", who);
	buf_addc(s->out, '}');
}

/* The sandbox that calls out, or the platform's door: events have no addresses of callers. */
static void add_source_endpoint(const struct source *s)
{
	open_object(s->out, "src_endpoint");
	if (has(s, "tool")) {
		copy(s, "uid", "run");
		text(s->out, "name", "cordon-sandbox");
		number(s->out, "type_id", 6);
		text(s->out, "type", "Virtual");
	} else {
		text(s->out, "svc_name", "cordon");
	}
	buf_addc(s->out, '}');
}

static void add_resource(const struct source *s, const char *type, const char *member)
{
	if (!has(s, member))
		return;
	open_object(s->out, NULL);
	text(s->out, "type", type);
	copy(s, "uid", member);
	buf_addc(s->out, '}');
}

static void add_resources(const struct source *s)
{
	if (!has(s, "run") && !has(s, "artifact") && !has(s, "profile") && !has(s, "lease"))
		return; /* the schema has no empty lists */
	open_array(s->out, "resources");
	add_resource(s, "run", "run");
	add_resource(s, "artifact", "artifact");
	add_resource(s, "profile", "profile");
	add_resource(s, "lease", "lease");
	buf_addc(s->out, ']');
}

/* "scheme://host:port", taken apart. */
static void add_destination(const struct source *s)
{
	char all[WORD_MAX], *host, *port, *scheme = all;
	int is_ip;

	word(s, "destination", all);
	host = strstr(all, "://");
	if (!host)
		return;
	*host = '\0';
	host += 3;
	port = strrchr(host, ':');
	if (port && strchr(port, ']'))
		port = NULL;
	if (port)
		*port++ = '\0';
	if (*host == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		host++;
	}
	is_ip = strchr(host, ':') || !host[strspn(host, "0123456789.")];
	open_object(s->out, "dst_endpoint");
	text(s->out, is_ip ? "ip" : "hostname", host);
	if (port && *port && !port[strspn(port, "0123456789")])
		number(s->out, "port", atoi(port));
	buf_addc(s->out, '}');
	open_object(s->out, "http_request");
	if (has(s, "method"))
		copy(s, "http_method", "method");
	open_object(s->out, "url");
	copy(s, "url_string", "destination");
	text(s->out, "scheme", scheme);
	text(s->out, "hostname", host);
	buf_adds(s->out, "}}");
}

/* The 32 digits of a trace ID, which may stand within a traceparent. */
static void add_trace(const struct source *s)
{
	char all[WORD_MAX], *id = all;

	word(s, "trace", all);
	if (!strncmp(all, "00-", 3))
		id = all + 3;
	id[strcspn(id, "-")] = '\0';
	if (!*id)
		return;
	open_object(s->out, "trace");
	text(s->out, "uid", id);
	buf_addc(s->out, '}');
}

/* ---- classes ---- */

static void write_api(const struct source *s, const struct target *t)
{
	add_actor(s);
	open_object(s->out, "api");
	if (has(s, "tool"))
		copy(s, "operation", "tool");
	else
		text(s->out, "operation", t->operation ? t->operation : s->name);
	open_object(s->out, "service");
	text(s->out, "name", "cordon");
	buf_adds(s->out, "}}");
	add_source_endpoint(s);
	add_resources(s);
	add_trace(s);
}

static void write_http(const struct source *s)
{
	add_source_endpoint(s);
	add_destination(s);
	text(s->out, "app_name", "cordon");
	add_trace(s);
}

static void add_device(const struct source *s)
{
	open_object(s->out, "device");
	text(s->out, "name", "cordon-node");
	number(s->out, "type_id", 1);
	text(s->out, "type", "Server");
	buf_addc(s->out, '}');
}

static void write_process(const struct source *s)
{
	add_actor(s);
	add_device(s);
	add_process(s, "process");
}

static void write_finding(const struct source *s, const struct target *t, int64_t time_ms)
{
	open_object(s->out, "finding_info");
	add_place(s);
	text(s->out, "title", t->message);
	text(s->out, "desc", "Code in a sandbox did what its jail forbids, and was ended.");
	open_array(s->out, "types");
	copy(s, NULL, "reason");
	buf_addc(s->out, ']');
	number(s->out, "created_time", time_ms);
	open_object(s->out, "analytic");
	text(s->out, "name", "cordon jail");
	number(s->out, "type_id", 1);
	text(s->out, "type", "Rule");
	buf_adds(s->out, "}}");
	number(s->out, "confidence_id", 3);
	text(s->out, "confidence", "High");
	open_array(s->out, "evidences");
	open_object(s->out, NULL);
	add_process(s, "process");
	buf_adds(s->out, "}]");
	add_resources(s);
}

/* The key that was made or taken away. */
static void write_account(const struct source *s)
{
	add_actor(s);
	add_user(s, "user", "key");
}

/* A lease: rights under one profile. `session` belongs to 3003 only. */
static void write_privileges(const struct source *s, const struct target *t)
{
	char profile[WORD_MAX], right[WORD_MAX + 8];

	word(s, "profile", profile);
	snprintf(right, sizeof(right), "run:%s", *profile ? profile : "*");
	add_actor(s);
	open_array(s->out, "privileges");
	text(s->out, NULL, right);
	buf_addc(s->out, ']');
	add_user(s, "user", has(s, "key") ? "key" : "by");
	if (t->class == 3003) {
		open_object(s->out, "session");
		copy(s, "uid", "lease");
		copy(s, "uid_alt", "session");
		buf_addc(s->out, '}');
	} else {
		open_array(s->out, "resources");
		add_resource(s, "lease", "lease");
		buf_addc(s->out, ']');
	}
}

static void write_entity(const struct source *s, const struct target *t)
{
	const char *member = !strcmp(t->entity, "key")	      ? "statement_key"
			     : !strcmp(t->entity, "ledger")   ? "origin"
			     : !strcmp(t->entity, "platform") ? "digest"
			     : !strcmp(t->entity, "quota")    ? "name"
							      : t->entity;

	add_actor(s);
	open_object(s->out, "entity");
	if (!strcmp(t->entity, "profile")) {
		number(s->out, "type_id", 5);
		text(s->out, "type", "Policy");
	} else if (!strcmp(t->entity, "tenant")) {
		number(s->out, "type_id", 4);
		text(s->out, "type", "Organization");
	} else {
		number(s->out, "type_id", 99);
		text(s->out, "type", t->entity);
	}
	if (has(s, member))
		copy(s, "uid", member);
	else
		text(s->out, "name", t->entity);
	copy(s, "version", has(s, "version") ? "version" : "generation");
	buf_addc(s->out, '}');
}

/* ---- which event is what ---- */

#define API(n, a, an, sev, st, act, m, op)                                                         \
	{                                                                                          \
		n,                                                                                 \
		{                                                                                  \
			6003, a, an, sev, st, act, m, op, NULL                                     \
		}                                                                                  \
	}
#define ENTITY(n, a, an, m, e)                                                                     \
	{                                                                                          \
		n,                                                                                 \
		{                                                                                  \
			3004, a, an, INFORMATIONAL, SUCCESS, NO_ACTION, m, NULL, e                 \
		}                                                                                  \
	}
#define OF(n, c, a, an, sev, st, act, m)                                                           \
	{                                                                                          \
		n,                                                                                 \
		{                                                                                  \
			c, a, an, sev, st, act, m, NULL, NULL                                      \
		}                                                                                  \
	}
static const struct {
	const char *event;
	struct target target;
} targets[] = {
	API("run_admitted", 1, "Create", INFORMATIONAL, SUCCESS, ALLOWED, "A run was admitted",
	    "runs.create"),
	API("run_denied", 1, "Create", LOW, FAILURE, DENIED, "A run was denied", "runs.create"),
	OF("sandbox_issued", 1007, 1, "Launch", INFORMATIONAL, SUCCESS, NO_ACTION,
	   "A run was given its sandbox"),
	API("tool_call_attempted", 99, "Call", INFORMATIONAL, STATUS_UNKNOWN, OBSERVED,
	    "Code in a sandbox asked for something outside", NULL),
	API("tool_call_allowed", 99, "Call", INFORMATIONAL, SUCCESS, ALLOWED,
	    "A call from a sandbox was allowed", NULL),
	API("tool_call_blocked", 99, "Call", MEDIUM, FAILURE, DENIED,
	    "A call from a sandbox was blocked", NULL),
	OF("execution_completed", 1007, 2, "Terminate", INFORMATIONAL, SUCCESS, NO_ACTION,
	   "A run ended by itself"),
	OF("execution_terminated", 1007, 2, "Terminate", LOW, FAILURE, NO_ACTION,
	   "A run was stopped"),
	API("run_cancelled", 3, "Update", INFORMATIONAL, SUCCESS, NO_ACTION,
	    "A run was told to end", "runs.cancel"),
	API("rotation_asked", 3, "Update", INFORMATIONAL, SUCCESS, NO_ACTION,
	    "New signing keys were asked for", "log.rotate"),
	API("payload_erased", 4, "Delete", INFORMATIONAL, SUCCESS, NO_ACTION,
	    "The payloads of a run were erased", "runs.payload.delete"),
	API("payloads_erased", 4, "Delete", INFORMATIONAL, SUCCESS, NO_ACTION,
	    "The payloads of old runs were erased", "runs.payload.delete"),
	API("requests_refused", 1, "Create", LOW, FAILURE, DENIED,
	    "Requests were refused without becoming runs", "runs.create"),
	API("quota_warned", 99, "Warn", LOW, STATUS_UNKNOWN, OBSERVED,
	    "Most of a quota is used or reserved", "runs.create"),
	API("quota_exhausted", 99, "Exhaust", MEDIUM, FAILURE, DENIED,
	    "A run was refused because a quota has no room for it", "runs.create"),
	OF("key_created", 3001, 1, "Create", INFORMATIONAL, SUCCESS, NO_ACTION,
	   "An API key was made"),
	OF("key_revoked", 3001, 5, "Disable", INFORMATIONAL, SUCCESS, NO_ACTION,
	   "An API key was revoked"),
	OF("lease_created", 3003, 1, "Assign Privileges", INFORMATIONAL, SUCCESS, NO_ACTION,
	   "A lease was made"),
	OF("lease_renewed", 3003, 1, "Assign Privileges", INFORMATIONAL, SUCCESS, NO_ACTION,
	   "A lease was renewed"),
	OF("lease_revoked", 3005, 2, "Revoke Privileges", INFORMATIONAL, SUCCESS, NO_ACTION,
	   "A lease was revoked"),
	ENTITY("tenant_created", 1, "Create", "A tenant was made", "tenant"),
	ENTITY("tenant_changed", 3, "Update", "A tenant was changed", "tenant"),
	ENTITY("tenant_deleted", 4, "Delete", "A tenant was deleted", "tenant"),
	ENTITY("quota_set", 3, "Update", "A quota was set", "quota"),
	ENTITY("quota_granted", 3, "Update", "More of a quota was granted for a day", "quota"),
	ENTITY("quota_removed", 4, "Delete", "A quota was removed", "quota"),
	ENTITY("profile_put", 3, "Update", "A capability profile was stored", "profile"),
	ENTITY("artifact_put", 1, "Create", "An artifact was stored", "artifact"),
	ENTITY("artifact_trusted", 3, "Update", "An artifact's trust was changed", "artifact"),
	ENTITY("artifact_deleted", 4, "Delete", "An artifact was deleted", "artifact"),
	ENTITY("platform_configured", 3, "Update", "Service tiers and prices were changed",
	       "platform"),
	ENTITY("ledger_created", 1, "Create", "The ledger was made", "ledger"),
	ENTITY("keys_rotated", 3, "Update", "The ledger's signing keys were rotated", "key"),
};
#undef API
#undef ENTITY
#undef OF

static const struct target *target_of(const struct source *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strcmp(s->name, targets[i].event))
			return &targets[i].target;
	return NULL;
}

static int is_noise(const char *event)
{
	return !strcmp(event, "wait") || !strcmp(event, "wake") || !strcmp(event, "log");
}

/* A call that names where it goes is HTTP; its method is the activity, if it is known. */
static void refine_call(const struct source *s, struct target *t)
{
	static const char *const methods[] = {"",	 "CONNECT", "DELETE", "GET",   "HEAD",
					      "OPTIONS", "POST",    "PUT",    "TRACE", "PATCH"};
	static const char *const captions[] = {"",	  "Connect", "Delete", "Get",	"Head",
					       "Options", "Post",    "Put",    "Trace", "Patch"};
	char method[WORD_MAX], destination[WORD_MAX];

	word(s, "destination", destination);
	if (!strstr(destination, "://"))
		return;
	t->class = 4002;
	word(s, "method", method);
	for (size_t i = 1; i < ARRAY_SIZE(methods); i++)
		if (!strcmp(method, methods[i])) {
			t->activity = (int)i;
			t->activity_name = captions[i];
		}
}

static void refine_end(const struct source *s, struct target *t)
{
	char why[WORD_MAX], outcome[WORD_MAX];

	word(s, "reason", why);
	word(s, "outcome", outcome);
	if (!strcmp(outcome, "failed"))
		t->status = FAILURE;
	if (!strcmp(why, "cancelled") || !strcmp(why, "shutdown"))
		t->severity = INFORMATIONAL;
	else if (!strcmp(why, "policy") || !strcmp(why, "crashed"))
		t->severity = MEDIUM;
	else if (!strcmp(why, "jail_violation"))
		*t = (struct target){.class = 2004,
				     .activity = 1,
				     .activity_name = "Create",
				     .severity = HIGH,
				     .status = STATUS_NEW,
				     .action = DENIED,
				     .message = "Jail violation"};
}

static void refine_tenant(const struct source *s, struct target *t)
{
	char state[WORD_MAX];

	word(s, "state", state);
	if (!strcmp(state, "suspended")) {
		t->activity = 12;
		t->activity_name = "Suspend";
		t->message = "A tenant was suspended";
	} else if (!strcmp(state, "active")) {
		t->activity = 13;
		t->activity_name = "Resume";
		t->message = "A tenant was resumed";
	}
}

/* ---- the whole ---- */

static const struct ocsf_class *class_of(int uid)
{
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(classes) && classes[i].uid != uid)
		i++;
	return &classes[i];
}

static void write_metadata(const struct source *s, const struct ocsf_class *c,
			   const struct target *t)
{
	int has_trace = c->has_trace && has(s, "trace");

	open_object(s->out, "metadata");
	text(s->out, "version", OCSF_VERSION);
	open_object(s->out, "product");
	text(s->out, "name", "Cordon");
	text(s->out, "vendor_name", "Cordon");
	text(s->out, "version", CORDON_VERSION);
	buf_addc(s->out, '}');
	if (t->action || has_trace) {
		open_array(s->out, "profiles");
		if (t->action)
			text(s->out, NULL, "security_control");
		if (has_trace)
			text(s->out, NULL, "trace");
		buf_addc(s->out, ']');
	}
	text(s->out, "log_name", "ledger");
	add_place(s);
	text(s->out, "event_code", s->name);
	number(s->out, "sequence", jsonview_i64(jsonview_get(s->event, "seq"), 0));
	copy(s, "correlation_uid", has(s, "run") ? "run" : "act");
	copy(s, "tenant_uid", "tenant");
	copy(s, "original_time", "time");
	buf_addc(s->out, '}');
}

static void write_classification(const struct source *s, const struct ocsf_class *c,
				 const struct target *t, int64_t time_ms)
{
	number(s->out, "category_uid", c->uid / 1000);
	text(s->out, "category_name", c->category);
	number(s->out, "class_uid", c->uid);
	text(s->out, "class_name", c->name);
	number(s->out, "activity_id", t->activity);
	text(s->out, "activity_name", t->activity_name);
	number(s->out, "type_uid", (int64_t)c->uid * 100 + t->activity);
	begin(s->out, "type_name");
	buf_addf(s->out, "\"%s: %s\"", c->name, t->activity == 99 ? "Other" : t->activity_name);
	number(s->out, "severity_id", t->severity);
	text(s->out, "severity", severities[t->severity]);
	number(s->out, "status_id", statuses[t->status].id);
	text(s->out, "status", statuses[t->status].name);
	copy(s, "status_code", has(s, "reason") ? "reason" : "outcome");
	number(s->out, "time", time_ms);
	text(s->out, "message", t->message);
}

/* The profile "security_control". */
static void write_control(const struct source *s, const struct target *t)
{
	if (!t->action)
		return;
	number(s->out, "action_id", t->action);
	text(s->out, "action", actions[t->action].action);
	number(s->out, "disposition_id", actions[t->action].disposition_id);
	text(s->out, "disposition", actions[t->action].disposition);
	if (t->severity >= HIGH) {
		begin(s->out, "is_alert");
		buf_adds(s->out, "true");
	}
	if (has(s, "rule")) {
		open_object(s->out, "firewall_rule");
		copy(s, "uid", "rule");
		buf_addc(s->out, '}');
	}
	if (has(s, "policy")) {
		open_object(s->out, "policy");
		copy(s, "uid", "policy");
		copy(s, "name", "profile");
		buf_addc(s->out, '}');
	}
}

/* What the schema has no place for, and leads back to the evidence. */
static void write_unmapped(const struct source *s)
{
	static const char *const names[] = {
		"decision", "lease",	"session", "bytes", "sha256", "by",    "trust",	  "role",
		"outcome",  "currency", "zone",	   "count", "since",  "until", "scope",	  "name",
		"resource", "old",	"new",	   "limit", "amount", "day",   "reset_at"};
	char receipt[WORD_MAX];

	open_object(s->out, "unmapped");
	jsonview_copy(jsonview_get(s->item, "receipt"), receipt, sizeof(receipt));
	if (*receipt)
		text(s->out, "receipt", receipt);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		copy(s, names[i], names[i]);
	buf_addc(s->out, '}');
}

static void write_class(const struct source *s, const struct target *t, int64_t time_ms)
{
	switch (t->class) {
	case 1007:
		write_process(s);
		break;
	case 2004:
		write_finding(s, t, time_ms);
		break;
	case 3001:
		write_account(s);
		break;
	case 3003:
	case 3005:
		write_privileges(s, t);
		break;
	case 3004:
		write_entity(s, t);
		break;
	case 4002:
		write_http(s);
		break;
	case 6003:
		write_api(s, t);
		break;
	}
}

int ocsf_event(struct jsonview item, struct buf *out)
{
	struct source s = {.item = item, .event = jsonview_get(item, "event"), .out = out};
	struct target t = {.class = 6003,
			   .activity = 99,
			   .activity_name = "Act",
			   .severity = INFORMATIONAL,
			   .status = SUCCESS,
			   .message = "Something was recorded",
			   .operation = s.name};
	const struct target *known;
	const struct ocsf_class *c;
	int64_t time_ms = 0;
	char time[WORD_MAX];

	word(&s, "event", s.name);
	if (is_noise(s.name))
		return 0;
	known = target_of(&s);
	if (known)
		t = *known;
	if (!strncmp(s.name, "tool_call_", 10))
		refine_call(&s, &t);
	else if (!strncmp(s.name, "execution_", 10))
		refine_end(&s, &t);
	else if (!strcmp(s.name, "tenant_changed"))
		refine_tenant(&s, &t);
	word(&s, "time", time);
	moment_parse(time, 0, &time_ms);
	c = class_of(t.class);
	buf_addc(out, '{');
	write_metadata(&s, c, &t);
	write_classification(&s, c, &t, time_ms);
	if (!strncmp(s.name, "execution_", 10) && has(&s, "wall_us"))
		number(out, "duration", jsonview_i64(jsonview_get(s.event, "wall_us"), 0) / 1000);
	write_control(&s, &t);
	write_class(&s, &t, time_ms);
	write_unmapped(&s);
	buf_addc(out, '}');
	return 1;
}

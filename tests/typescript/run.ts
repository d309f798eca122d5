/** What a page of a frontend does, on the generated types; prints what it has seen as JSON. */
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api.js";

const POLLS = 50;
const POLL_MILLISECONDS = 200;

type Event = components["schemas"]["Event"];
type EventDetail = components["schemas"]["EventDetail"];
type Wanted = { internalId: string; channelPropertyId: string; roomType: string; checkIn: string; checkOut: string };

const [, , baseUrl, username, password, said] = process.argv;
if (baseUrl === undefined || username === undefined || password === undefined || said === undefined) {
  throw new Error("usage: run.ts URL LOGIN PASSWORD JSON");
}
const wanted = JSON.parse(said) as Wanted;
const client = createClient<paths>({ baseUrl });

function need<T>(answer: { data?: T; error?: components["schemas"]["Refusal"]; response: Response }): T {
  if (answer.data === undefined) {
    const reasons = answer.error?.errors.map((one) => `${one.attr ?? ""} ${one.code}: ${one.detail}`) ?? [];
    throw new Error(`${answer.response.url} ${answer.response.status} ${reasons.join("; ")}`);
  }
  return answer.data;
}

const login = need(await client.POST("/api/auth/login/", { body: { username, password } }));
client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Token ${login.token}`);
    return request;
  },
});

const began = need(await client.GET("/api/admin/feed/", {}));

const failed: Event[] = need(
  await client.GET("/api/admin/events/", { params: { query: { status: ["failed"], limit: 50 } } }),
).events;
const first = failed[0];
if (first === undefined) throw new Error("no event has failed");

/** What an event carries is known by its type, without a cast. */
function about(event: EventDetail): string[] {
  switch (event.event_type) {
    case "booking.create":
    case "booking.update":
    case "booking.cancel":
      return [event.payload?.reservation_id ?? "", event.normalized_payload?.guest?.last_name ?? ""];
    case "availability.update":
      return event.normalized_payload?.ranges?.map((range) => `${range.first_night}: ${range.units.toFixed(0)}`) ?? [];
    case "rate.update":
      return event.normalized_payload?.ranges?.map((range) => range.terms.price ?? "as it was") ?? [];
    default:
      return Object.keys(event.payload ?? {});
  }
}
const detail = need(await client.GET("/api/admin/events/{id}/", { params: { path: { id: first.id } } }));

const mapping = need(
  await client.POST("/api/admin/channel-mappings/", {
    body: {
      channel_property_id: wanted.channelPropertyId,
      mapping_type: "room_type",
      internal_id: wanted.internalId,
      external_id: "2001",
    },
  }),
);
const retried = need(await client.POST("/api/admin/events/{id}/retry/", { params: { path: { id: first.id } } }));

const conflicts = need(await client.GET("/api/admin/conflicts/", { params: { query: { status: ["open"] } } })).conflicts;
const open = conflicts[0];
if (open === undefined) throw new Error("no conflict is open");
const resolved = need(
  await client.POST("/api/admin/conflicts/{id}/resolve/", {
    params: { path: { id: open.id } },
    body: { resolution: "dismiss" },
  }),
);

const stay = { room_type: wanted.roomType, check_in: wanted.checkIn, check_out: wanted.checkOut };
const made: string[] = [];
for (let time = 0; time < 2; time += 1) {
  const answer = await client.POST("/api/reservations/", {
    params: { header: { "Idempotency-Key": "one-form" } },
    body: stay as components["schemas"]["Reservation"],
  });
  made.push(need(answer).id);
}

const reservations = need(
  await client.GET("/api/reservations/", {
    params: { query: { start: wanted.checkIn, end: wanted.checkOut, room_type: wanted.roomType } },
  }),
);
const total: number | string = reservations.pagination.total_is_estimate ? "many" : reservations.pagination.total;
const sides = need(
  await client.GET("/api/admin/properties/{id}/availability/", {
    params: { path: { id: wanted.channelPropertyId }, query: { start: wanted.checkIn, end: wanted.checkOut } },
  }),
);
const nights = sides.room_types.flatMap((one) =>
  one.nights.map((night) => ({ free: night.free, atChannel: night.channel?.units ?? null, differs: night.differs })),
);

const seen: string[] = [];
let cursor = began.next;
for (let poll = 0; poll < POLLS && !(seen.includes("event.retried") && seen.includes("conflict.resolved")); poll += 1) {
  const page = need(await client.GET("/api/admin/feed/", { params: { query: { after: cursor } } }));
  seen.push(...page.notifications.map((one) => one.kind));
  cursor = page.next;
  await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
}

console.log(
  JSON.stringify({
    failed: failed.length,
    detail: { type: detail.event_type, keys: about(detail) },
    pmsSide: Object.keys(open.pms_side.free_units ?? {}),
    mapping: mapping.id,
    retried: retried.status,
    resolved: resolved.status,
    made,
    total,
    nights,
    seen,
  }),
);

// Does a TypeScript program get what the API promises? Checks a running server with generated code.
//
// It is called with the address of a server of its own, that of one whose first answer is lost on the way, that of one that
// never answers, and two service configurations: as published, and with time enough for a busy machine.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { ClientError, Status, createChannel, createClientFactory } from "nice-grpc";
import { BadRequest, ErrorInfo, QuotaFailure, RichClientError, errorDetailsClientMiddleware } from "nice-grpc-error-details";

import { Basket, CouponOffer } from "../gen/tokka/v1/basket";
import { OutcomeCode } from "../gen/tokka/v1/outcome";
import { PricingServiceClient, PricingServiceDefinition } from "../gen/tokka/v1/pricing";
import { View } from "../gen/tokka/v1/quote";
import { ReservationState, ReserveRequest } from "../gen/tokka/v1/reservation";

async function main(): Promise<number> {
  const [server, lossy, silent, ...configs] = process.argv.slice(2);
  const [published, patient] = configs.map((path) => readFileSync(path, "utf8"));
  if (!server || !lossy || !silent || !published || !patient) {
    console.error("usage: check SERVER LOSSY SILENT SERVICE-CONFIG PATIENT-SERVICE-CONFIG");
    return 2;
  }
  const client = connect(server, patient);
  const checks: [string, () => Promise<void>][] = [
    ["quote", () => checkQuote(client)],
    ["race", () => checkRace(client)],
    ["order", () => checkOrder(client)],
    ["repetition", () => checkRepetition(client)],
    ["fields", () => checkFields(client)],
    ["stranger", () => checkStranger(client)],
    ["lost answer", () => checkLostAnswer(connect(lossy, patient))],
    ["deadline", () => checkDeadline(connect(silent, published))],
  ];
  let failed = 0;
  for (const [name, check] of checks) {
    try {
      await check();
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`failed ${name}: ${String(error).replaceAll("\n", " ")}`);
    }
  }
  return failed > 0 ? 1 : 0;
}

/** A client that repeats and ends calls as the service configuration says. */
function connect(address: string, serviceConfig: string): PricingServiceClient {
  const channel = createChannel(address, undefined, { "grpc.service_config": serviceConfig });
  return createClientFactory().use(errorDetailsClientMiddleware).create(PricingServiceDefinition, channel);
}

/** Three frying pans. */
function pans(user: string): Basket {
  return Basket.fromPartial({
    currency: "JPY",
    user,
    lines: [
      {
        lineId: "a",
        sku: "hl-pan-24",
        store: "hinata-living",
        categories: ["household"],
        unitPrice: 2980n,
        quantity: 3n,
      },
    ],
  });
}

/** A coupon that takes 300 off. */
const COUPONS: CouponOffer[] = [CouponOffer.fromPartial({ design: "hl-coupon-300" })];

function reservePans(reservationId: string, user: string): ReserveRequest {
  return ReserveRequest.fromPartial({ reservationId, basket: pans(user), coupons: COUPONS, expectedPayable: 8240n });
}

function sum(amounts: bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}

async function checkQuote(client: PricingServiceClient): Promise<void> {
  const { quote } = await client.quote({ basket: pans("ts-quote"), coupons: COUPONS, view: View.VIEW_FULL });
  assert(quote);
  assert.deepEqual([quote.gross, quote.payable], [8940n, 8240n]);
  assert.equal(sum(quote.lines.map((line) => line.payable)), 8240n);
  assert.equal(sum(quote.stores.map((store) => store.payable)), 8240n);
  const coupon = quote.outcomes.find((outcome) => outcome.promotion === "hl-coupon-300");
  assert.equal(coupon?.code, OutcomeCode.OUTCOME_CODE_APPLIED);
}

/** Fifty buyers want ten units at the same time. */
async function checkRace(client: PricingServiceClient): Promise<void> {
  const [buyers, units] = [50, 10];
  const basket = (buyer: number): Basket =>
    Basket.fromPartial({
      currency: "JPY",
      user: `ts-buyer-${buyer}`,
      lines: [
        {
          lineId: "a",
          sku: "yo-pack-20",
          store: "yamabiko-outdoor",
          categories: ["packs"],
          unitPrice: 6980n,
          quantity: 1n,
        },
      ],
    });
  assert.equal((await client.quote({ basket: basket(0) })).quote?.payable, 3980n);
  const answers = await Promise.allSettled(
    Array.from({ length: buyers }, (_, buyer) =>
      client.reserve({ reservationId: `ts-race-${buyer}`, basket: basket(buyer), expectedPayable: 3980n }),
    ),
  );
  const refusals = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as unknown] : []));
  assert.equal(buyers - refusals.length, units);
  for (const refusal of refusals) {
    assertRefused(refusal, Status.ABORTED, "PRICE_CHANGED");
    const quota = detail<QuotaFailure>(refusal, QuotaFailure.$type);
    assert.equal(quota?.violations[0]?.subject, "promotion:yo-flash-pack");
  }
}

/** Holds three pans, pays them, and returns one. */
async function checkOrder(client: PricingServiceClient): Promise<void> {
  const name = { reservationId: "ts-order", user: "ts-order-user" };
  const held = await client.reserve(reservePans(name.reservationId, name.user));
  assert.equal(held.reservation?.state, ReservationState.RESERVATION_STATE_HELD);
  const paid = await client.commit(name);
  assert.equal(paid.reservation?.state, ReservationState.RESERVATION_STATE_COMMITTED);
  const { refund, reservation } = await client.rollback({
    ...name,
    rollbackId: "back-1",
    lines: [{ lineId: "a", units: 1n }],
  });
  assert(reservation);
  assert.deepEqual([refund?.amount, reservation.refunded], [2746n, 2746n]);
  assert.equal(reservation.refunded + reservation.kept, reservation.payable);
}

/** Everything twice under its id, and another request under an id that is taken. */
async function checkRepetition(client: PricingServiceClient): Promise<void> {
  const name = { reservationId: "ts-twice", user: "ts-twice-user" };
  const request = reservePans(name.reservationId, name.user);
  const first = await client.reserve(request);
  const again = await client.reserve(request);
  assert.deepEqual(again, first);
  assert.equal(again.reservation?.version, 1n);
  const other = reservePans(name.reservationId, name.user);
  for (const line of other.basket?.lines ?? []) {
    line.quantity = 2n;
  }
  assertRefused(await refusalOf(client.reserve(other)), Status.ALREADY_EXISTS, "ID_TAKEN");
  for (let time = 0; time < 2; time += 1) {
    const { reservation } = await client.rollback({ ...name, rollbackId: "back", all: true });
    assert.deepEqual(
      [reservation?.state, reservation?.version],
      [ReservationState.RESERVATION_STATE_ROLLED_BACK, 2n],
    );
  }
}

async function checkFields(client: PricingServiceClient): Promise<void> {
  const basket = pans("ts-fields");
  for (const line of basket.lines) {
    line.quantity = 0n;
  }
  const refusal = await refusalOf(client.quote({ basket }));
  assertRefused(refusal, Status.INVALID_ARGUMENT, "INVALID_FIELDS");
  const violations = detail<BadRequest>(refusal, BadRequest.$type)?.fieldViolations ?? [];
  assert.deepEqual(violations.map((violation) => violation.field), ["basket.lines[0].quantity"]);
  assert.notEqual(violations[0]?.description, "");
}

async function checkStranger(client: PricingServiceClient): Promise<void> {
  const refusal = await refusalOf(client.getReservation({ reservationId: "ts-order", user: "somebody" }));
  assertRefused(refusal, Status.NOT_FOUND, "RESERVATION_NOT_FOUND");
}

/** The connection breaks after the server has reserved and before anybody hears of it. */
async function checkLostAnswer(client: PricingServiceClient): Promise<void> {
  const { reservation } = await client.reserve(reservePans("ts-lost", "ts-lost-user"));
  assert.deepEqual([reservation?.version, reservation?.payable], [1n, 8240n]);
}

/** Nobody answers, and nobody but the service configuration ends the call. */
async function checkDeadline(client: PricingServiceClient): Promise<void> {
  const refusal = await refusalOf(client.quote({ basket: pans("ts-deadline") }));
  assert(refusal instanceof ClientError);
  assert.equal(refusal.code, Status.DEADLINE_EXCEEDED);
}

async function refusalOf(call: Promise<unknown>): Promise<unknown> {
  const answer = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  assert("error" in answer, "it was not refused");
  return answer.error;
}

function assertRefused(refusal: unknown, code: Status, reason: string): void {
  assert(refusal instanceof ClientError, String(refusal));
  assert.equal(refusal.code, code, refusal.message);
  const info = detail<ErrorInfo>(refusal, ErrorInfo.$type);
  assert.deepEqual([info?.domain, info?.reason], ["tokka", reason]);
}

/** What a refusal says besides, by its type. */
function detail<T extends { $type: string }>(refusal: unknown, type: T["$type"]): T | undefined {
  const details = refusal instanceof RichClientError ? refusal.extra : [];
  return details.find((found): found is typeof found & T => found.$type === type) as T | undefined;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);

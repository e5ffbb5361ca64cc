"""Does a Python program get what the API promises? Checks a running server with generated code.

It is called with the address of a server of its own, that of one whose first answer is lost on the way, that of one that
never answers, and two service configurations: as published, and with time enough for a busy machine.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tokka.v1 import basket_pb2, outcome_pb2, pricing_pb2, pricing_pb2_grpc, quote_pb2, reservation_pb2

Detail = TypeVar("Detail", bound=Message)


def main() -> int:
    if len(sys.argv) != 6:
        print("usage: check.py SERVER LOSSY SILENT SERVICE-CONFIG PATIENT-SERVICE-CONFIG", file=sys.stderr)
        return 2
    server, lossy, silent = sys.argv[1:4]
    published, patient = (Path(path).read_text(encoding="utf-8") for path in sys.argv[4:6])
    client = connect(server, patient)
    checks: list[tuple[str, Callable[[], None]]] = [
        ("quote", lambda: check_quote(client)),
        ("race", lambda: check_race(client)),
        ("order", lambda: check_order(client)),
        ("repetition", lambda: check_repetition(client)),
        ("fields", lambda: check_fields(client)),
        ("stranger", lambda: check_stranger(client)),
        ("lost answer", lambda: check_lost_answer(connect(lossy, patient))),
        ("deadline", lambda: check_deadline(connect(silent, published))),
    ]
    failed = 0
    for name, check in checks:
        try:
            check()
            print(f"ok {name}", flush=True)
        except (AssertionError, grpc.RpcError) as error:
            failed += 1
            print(f"failed {name}: {error!r}", flush=True)
    return 1 if failed else 0


def connect(address: str, service_config: str) -> pricing_pb2_grpc.PricingServiceStub:
    """A client that repeats and ends calls as the service configuration says."""
    return pricing_pb2_grpc.PricingServiceStub(
        grpc.insecure_channel(address, options=[("grpc.service_config", service_config), ("grpc.enable_retries", 1)])
    )


def pans(user: str) -> tuple[basket_pb2.Basket, list[basket_pb2.CouponOffer]]:
    """Three frying pans, and a coupon that takes 300 off."""
    line = basket_pb2.Line(
        line_id="a", sku="hl-pan-24", store="hinata-living", categories=["household"], unit_price=2980, quantity=3
    )
    basket = basket_pb2.Basket(currency="JPY", user=user, lines=[line])
    return basket, [basket_pb2.CouponOffer(design="hl-coupon-300")]


def reserve_pans(reservation_id: str, user: str) -> reservation_pb2.ReserveRequest:
    basket, coupons = pans(user)
    return reservation_pb2.ReserveRequest(
        reservation_id=reservation_id, basket=basket, coupons=coupons, expected_payable=8240
    )


def check_quote(client: pricing_pb2_grpc.PricingServiceStub) -> None:
    basket, coupons = pans("python-quote")
    quote = client.Quote(pricing_pb2.QuoteRequest(basket=basket, coupons=coupons, view=quote_pb2.VIEW_FULL)).quote
    assert (quote.gross, quote.payable) == (8940, 8240), quote
    assert sum(line.payable for line in quote.lines) == 8240, quote.lines
    assert sum(store.payable for store in quote.stores) == 8240, quote.stores
    codes = {outcome.promotion: outcome.code for outcome in quote.outcomes}
    assert codes["hl-coupon-300"] == outcome_pb2.OUTCOME_CODE_APPLIED, codes


def check_race(client: pricing_pb2_grpc.PricingServiceStub) -> None:
    """Fifty buyers want ten units at the same time."""
    buyers, units = 50, 10

    def basket(buyer: int) -> basket_pb2.Basket:
        line = basket_pb2.Line(
            line_id="a", sku="yo-pack-20", store="yamabiko-outdoor", categories=["packs"], unit_price=6980, quantity=1
        )
        return basket_pb2.Basket(currency="JPY", user=f"python-buyer-{buyer}", lines=[line])

    def reserve(buyer: int) -> grpc.RpcError | None:
        request = reservation_pb2.ReserveRequest(
            reservation_id=f"python-race-{buyer}", basket=basket(buyer), expected_payable=3980
        )
        try:
            client.Reserve(request)
        except grpc.RpcError as error:
            return error
        return None

    before = client.Quote(pricing_pb2.QuoteRequest(basket=basket(0))).quote.payable
    assert before == 3980, before
    with ThreadPoolExecutor(max_workers=buyers) as pool:
        answers = list(pool.map(reserve, range(buyers)))
    refusals = [answer for answer in answers if answer is not None]
    assert len(refusals) == buyers - units, f"{buyers - len(refusals)} of {units} units were sold"
    for refusal in refusals:
        assert_refused(refusal, grpc.StatusCode.ABORTED, "PRICE_CHANGED")
        violations = detail(refusal, error_details_pb2.QuotaFailure).violations
        assert violations[0].subject == "promotion:yo-flash-pack", violations
        assert violations[0].quota_dimensions["limit"] == "10", violations


def check_order(client: pricing_pb2_grpc.PricingServiceStub) -> None:
    """Holds three pans, pays them, and returns one."""
    name = {"reservation_id": "python-order", "user": "python-order-user"}
    held = client.Reserve(reserve_pans(name["reservation_id"], name["user"])).reservation
    assert held.state == reservation_pb2.RESERVATION_STATE_HELD, held
    paid = client.Commit(reservation_pb2.CommitRequest(**name)).reservation
    assert paid.state == reservation_pb2.RESERVATION_STATE_COMMITTED, paid
    lines = [reservation_pb2.LineUnits(line_id="a", units=1)]
    back = client.Rollback(reservation_pb2.RollbackRequest(**name, rollback_id="back-1", lines=lines))
    assert (back.refund.amount, back.reservation.refunded) == (2746, 2746), back
    assert back.reservation.refunded + back.reservation.kept == back.reservation.payable, back


def check_repetition(client: pricing_pb2_grpc.PricingServiceStub) -> None:
    """Everything twice under its id, and another request under an id that is taken."""
    name = {"reservation_id": "python-twice", "user": "python-twice-user"}
    request = reserve_pans(name["reservation_id"], name["user"])
    first, again = client.Reserve(request), client.Reserve(request)
    assert first == again and again.reservation.version == 1, again
    request.basket.lines[0].quantity = 2
    assert_refused(refusal_of(lambda: client.Reserve(request)), grpc.StatusCode.ALREADY_EXISTS, "ID_TAKEN")
    for _ in range(2):
        back = client.Rollback(reservation_pb2.RollbackRequest(**name, rollback_id="back", all=True)).reservation
        assert (back.state, back.version) == (reservation_pb2.RESERVATION_STATE_ROLLED_BACK, 2), back


def check_fields(client: pricing_pb2_grpc.PricingServiceStub) -> None:
    basket, _ = pans("python-fields")
    basket.lines[0].quantity = 0
    refusal = refusal_of(lambda: client.Quote(pricing_pb2.QuoteRequest(basket=basket)))
    assert_refused(refusal, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
    violations = detail(refusal, error_details_pb2.BadRequest).field_violations
    assert [violation.field for violation in violations] == ["basket.lines[0].quantity"], violations
    assert violations[0].description, violations


def check_stranger(client: pricing_pb2_grpc.PricingServiceStub) -> None:
    request = reservation_pb2.GetReservationRequest(reservation_id="python-order", user="somebody")
    refusal = refusal_of(lambda: client.GetReservation(request))
    assert_refused(refusal, grpc.StatusCode.NOT_FOUND, "RESERVATION_NOT_FOUND")


def check_lost_answer(client: pricing_pb2_grpc.PricingServiceStub) -> None:
    """The connection breaks after the server has reserved and before anybody hears of it."""
    held = client.Reserve(reserve_pans("python-lost", "python-lost-user")).reservation
    assert (held.version, held.payable) == (1, 8240), held


def check_deadline(client: pricing_pb2_grpc.PricingServiceStub) -> None:
    """Nobody answers, and nobody but the service configuration ends the call."""
    basket, _ = pans("python-deadline")
    refusal = refusal_of(lambda: client.Quote(pricing_pb2.QuoteRequest(basket=basket)))
    assert refusal.code() == grpc.StatusCode.DEADLINE_EXCEEDED, refusal


def refusal_of(call: Callable[[], Message]) -> grpc.RpcError:
    try:
        answer = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"it was not refused: {answer}")


def assert_refused(refusal: grpc.RpcError, code: grpc.StatusCode, reason: str) -> None:
    assert refusal.code() == code, refusal
    info = detail(refusal, error_details_pb2.ErrorInfo)
    assert (info.domain, info.reason) == ("tokka", reason), info


def detail(refusal: grpc.RpcError, kind: type[Detail]) -> Detail:
    """What a refusal says besides, by its type; empty where it says no such thing."""
    found = kind()
    status = rpc_status.from_call(refusal)
    for packed in status.details if status else []:
        if packed.Unpack(found):
            return found
    return found


if __name__ == "__main__":
    sys.exit(main())

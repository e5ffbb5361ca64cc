// Does a Java program get what the API promises? Checks a running server with generated code.
//
// It is called with the address of a server of its own, that of one whose first answer is lost on the way, that of one that
// never answers, and two service configurations: as published, and with time enough for a busy machine.
package tokka.check;

import com.google.gson.Gson;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import tokka.v1.Basket;
import tokka.v1.CommitRequest;
import tokka.v1.CouponOffer;
import tokka.v1.GetReservationRequest;
import tokka.v1.Line;
import tokka.v1.LinePrice;
import tokka.v1.LineUnits;
import tokka.v1.OutcomeCode;
import tokka.v1.PricingServiceGrpc;
import tokka.v1.PricingServiceGrpc.PricingServiceBlockingStub;
import tokka.v1.Quote;
import tokka.v1.QuoteRequest;
import tokka.v1.Reservation;
import tokka.v1.ReservationState;
import tokka.v1.ReserveRequest;
import tokka.v1.ReserveResponse;
import tokka.v1.RollbackRequest;
import tokka.v1.RollbackResponse;
import tokka.v1.StorePrice;
import tokka.v1.View;

/** The program. */
public final class Check {
  private static final CouponOffer COUPON = CouponOffer.newBuilder().setDesign("hl-coupon-300").build();

  private Check() {}

  /** Something to check; it fails by what it throws. */
  private interface Body {
    void run() throws Exception;
  }

  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 5) {
      System.err.println("usage: Check SERVER LOSSY SILENT SERVICE-CONFIG PATIENT-SERVICE-CONFIG");
      System.exit(2);
    }
    Map<String, ?> published = serviceConfig(arguments[3]);
    Map<String, ?> patient = serviceConfig(arguments[4]);
    PricingServiceBlockingStub client = connect(arguments[0], patient);

    Map<String, Body> checks = new LinkedHashMap<>();
    checks.put("quote", () -> checkQuote(client));
    checks.put("race", () -> checkRace(client));
    checks.put("order", () -> checkOrder(client));
    checks.put("repetition", () -> checkRepetition(client));
    checks.put("fields", () -> checkFields(client));
    checks.put("stranger", () -> checkStranger(client));
    checks.put("lost answer", () -> checkLostAnswer(connect(arguments[1], patient)));
    checks.put("deadline", () -> checkDeadline(connect(arguments[2], published)));
    int failed = 0;
    for (Map.Entry<String, Body> check : checks.entrySet()) {
      try {
        check.getValue().run();
        System.out.println("ok " + check.getKey());
      } catch (Exception | AssertionError error) {
        failed += 1;
        System.out.println("failed " + check.getKey() + ": " + error.toString().replace('\n', ' '));
      }
    }
    System.exit(failed > 0 ? 1 : 0);
  }

  @SuppressWarnings("unchecked")
  private static Map<String, ?> serviceConfig(String path) throws IOException {
    return new Gson().fromJson(Files.readString(Path.of(path)), Map.class);
  }

  /** A client that repeats and ends calls as the service configuration says. */
  private static PricingServiceBlockingStub connect(String address, Map<String, ?> serviceConfig) {
    return PricingServiceGrpc.newBlockingStub(
        Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
            .defaultServiceConfig(serviceConfig)
            .enableRetry()
            .build());
  }

  /** Three frying pans. */
  private static Basket pans(String user) {
    return Basket.newBuilder()
        .setCurrency("JPY")
        .setUser(user)
        .addLines(
            Line.newBuilder()
                .setLineId("a")
                .setSku("hl-pan-24")
                .setStore("hinata-living")
                .addCategories("household")
                .setUnitPrice(2980)
                .setQuantity(3))
        .build();
  }

  private static ReserveRequest reservePans(String id, String user) {
    return ReserveRequest.newBuilder()
        .setReservationId(id)
        .setBasket(pans(user))
        .addCoupons(COUPON)
        .setExpectedPayable(8240)
        .build();
  }

  private static void checkQuote(PricingServiceBlockingStub client) {
    Quote quote =
        client
            .quote(
                QuoteRequest.newBuilder()
                    .setBasket(pans("java-quote"))
                    .addCoupons(COUPON)
                    .setView(View.VIEW_FULL)
                    .build())
            .getQuote();
    long lines = quote.getLinesList().stream().mapToLong(LinePrice::getPayable).sum();
    long stores = quote.getStoresList().stream().mapToLong(StorePrice::getPayable).sum();
    same(List.of(8940L, 8240L, 8240L, 8240L), List.of(quote.getGross(), quote.getPayable(), lines, stores));
    OutcomeCode coupon =
        quote.getOutcomesList().stream()
            .filter(outcome -> outcome.getPromotion().equals("hl-coupon-300"))
            .findFirst()
            .orElseThrow()
            .getCode();
    same(OutcomeCode.OUTCOME_CODE_APPLIED, coupon);
  }

  /** Fifty buyers want ten units at the same time. */
  private static void checkRace(PricingServiceBlockingStub client) throws InterruptedException, ExecutionException {
    int buyers = 50;
    same(3980L, client.quote(QuoteRequest.newBuilder().setBasket(pack(0)).build()).getQuote().getPayable());
    ExecutorService everybody = Executors.newFixedThreadPool(buyers);
    List<Future<StatusRuntimeException>> answers = new ArrayList<>();
    for (int buyer = 0; buyer < buyers; buyer++) {
      ReserveRequest request =
          ReserveRequest.newBuilder()
              .setReservationId("java-race-" + buyer)
              .setBasket(pack(buyer))
              .setExpectedPayable(3980)
              .build();
      Callable<StatusRuntimeException> reserve =
          () -> {
            try {
              client.reserve(request);
              return null;
            } catch (StatusRuntimeException refusal) {
              return refusal;
            }
          };
      answers.add(everybody.submit(reserve));
    }
    int won = 0;
    for (Future<StatusRuntimeException> answer : answers) {
      StatusRuntimeException refusal = answer.get();
      if (refusal == null) {
        won += 1;
        continue;
      }
      refused(refusal, Status.Code.ABORTED, "PRICE_CHANGED");
      QuotaFailure.Violation violation = detail(refusal, QuotaFailure.class).getViolations(0);
      same("promotion:yo-flash-pack", violation.getSubject());
      same("10", violation.getQuotaDimensionsMap().get("limit"));
    }
    everybody.shutdown();
    same(10, won);
  }

  private static Basket pack(int buyer) {
    return Basket.newBuilder()
        .setCurrency("JPY")
        .setUser("java-buyer-" + buyer)
        .addLines(
            Line.newBuilder()
                .setLineId("a")
                .setSku("yo-pack-20")
                .setStore("yamabiko-outdoor")
                .addCategories("packs")
                .setUnitPrice(6980)
                .setQuantity(1))
        .build();
  }

  /** Holds three pans, pays them, and returns one. */
  private static void checkOrder(PricingServiceBlockingStub client) {
    String id = "java-order";
    String user = "java-order-user";
    same(ReservationState.RESERVATION_STATE_HELD, client.reserve(reservePans(id, user)).getReservation().getState());
    CommitRequest commit = CommitRequest.newBuilder().setReservationId(id).setUser(user).build();
    same(ReservationState.RESERVATION_STATE_COMMITTED, client.commit(commit).getReservation().getState());
    RollbackResponse back =
        client.rollback(
            RollbackRequest.newBuilder()
                .setReservationId(id)
                .setUser(user)
                .setRollbackId("back-1")
                .addLines(LineUnits.newBuilder().setLineId("a").setUnits(1))
                .build());
    Reservation left = back.getReservation();
    same(List.of(2746L, 2746L), List.of(back.getRefund().getAmount(), left.getRefunded()));
    same(left.getPayable(), left.getRefunded() + left.getKept());
  }

  /** Everything twice under its id, and another request under an id that is taken. */
  private static void checkRepetition(PricingServiceBlockingStub client) {
    String id = "java-twice";
    String user = "java-twice-user";
    ReserveRequest request = reservePans(id, user);
    ReserveResponse first = client.reserve(request);
    ReserveResponse again = client.reserve(request);
    same(first, again);
    same(1L, again.getReservation().getVersion());
    ReserveRequest.Builder other = request.toBuilder();
    other.getBasketBuilder().getLinesBuilder(0).setQuantity(2);
    refused(refusalOf(() -> client.reserve(other.build())), Status.Code.ALREADY_EXISTS, "ID_TAKEN");
    RollbackRequest all =
        RollbackRequest.newBuilder().setReservationId(id).setUser(user).setRollbackId("back").setAll(true).build();
    for (int time = 0; time < 2; time++) {
      Reservation back = client.rollback(all).getReservation();
      same(ReservationState.RESERVATION_STATE_ROLLED_BACK, back.getState());
      same(2L, back.getVersion());
    }
  }

  private static void checkFields(PricingServiceBlockingStub client) {
    Basket.Builder basket = pans("java-fields").toBuilder();
    basket.getLinesBuilder(0).setQuantity(0);
    StatusRuntimeException refusal =
        refusalOf(() -> client.quote(QuoteRequest.newBuilder().setBasket(basket).build()));
    refused(refusal, Status.Code.INVALID_ARGUMENT, "INVALID_FIELDS");
    List<BadRequest.FieldViolation> violations = detail(refusal, BadRequest.class).getFieldViolationsList();
    same(List.of("basket.lines[0].quantity"), violations.stream().map(BadRequest.FieldViolation::getField).toList());
    same(false, violations.get(0).getDescription().isEmpty());
  }

  private static void checkStranger(PricingServiceBlockingStub client) {
    GetReservationRequest request =
        GetReservationRequest.newBuilder().setReservationId("java-order").setUser("somebody").build();
    refused(refusalOf(() -> client.getReservation(request)), Status.Code.NOT_FOUND, "RESERVATION_NOT_FOUND");
  }

  /** The connection breaks after the server has reserved and before anybody hears of it. */
  private static void checkLostAnswer(PricingServiceBlockingStub client) {
    Reservation held = client.reserve(reservePans("java-lost", "java-lost-user")).getReservation();
    same(List.of(1L, 8240L), List.of(held.getVersion(), held.getPayable()));
  }

  /** Nobody answers, and nobody but the service configuration ends the call. */
  private static void checkDeadline(PricingServiceBlockingStub client) {
    QuoteRequest request = QuoteRequest.newBuilder().setBasket(pans("java-deadline")).build();
    same(Status.Code.DEADLINE_EXCEEDED, refusalOf(() -> client.quote(request)).getStatus().getCode());
  }

  private static StatusRuntimeException refusalOf(Callable<? extends Message> call) {
    try {
      throw new AssertionError("it was not refused: " + call.call());
    } catch (StatusRuntimeException refusal) {
      return refusal;
    } catch (Exception other) {
      throw new AssertionError(other);
    }
  }

  private static void refused(StatusRuntimeException refusal, Status.Code code, String reason) {
    same(code, refusal.getStatus().getCode());
    ErrorInfo info = detail(refusal, ErrorInfo.class);
    same(List.of("tokka", reason), List.of(info.getDomain(), info.getReason()));
  }

  /** What a refusal says besides, by its type. */
  private static <T extends Message> T detail(StatusRuntimeException refusal, Class<T> type) {
    com.google.rpc.Status status = StatusProto.fromThrowable(refusal);
    try {
      for (Any packed : status.getDetailsList()) {
        if (packed.is(type)) {
          return packed.unpack(type);
        }
      }
    } catch (InvalidProtocolBufferException error) {
      throw new AssertionError(error);
    }
    throw new AssertionError("it says nothing of the kind: " + status);
  }

  private static void same(Object expected, Object found) {
    if (!expected.equals(found)) {
      throw new AssertionError("expected " + expected + ", found " + found);
    }
  }
}

// Does a Go program get what the API promises? Checks a running server with generated code.
//
// It is called with the address of a server of its own, that of one whose first answer is lost on the way, that of one that
// never answers, and two service configurations: as published, and with time enough for a busy machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	tokka "tokka/clients/go/gen/tokka/v1"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 5 {
		return errors.New("usage: main SERVER LOSSY SILENT SERVICE-CONFIG PATIENT-SERVICE-CONFIG")
	}
	server, lossy, silent := arguments[0], arguments[1], arguments[2]
	published, err := os.ReadFile(arguments[3])
	if err != nil {
		return err
	}
	patient, err := os.ReadFile(arguments[4])
	if err != nil {
		return err
	}
	client, err := connect(server, patient)
	if err != nil {
		return err
	}
	behindLossy, err := connect(lossy, patient)
	if err != nil {
		return err
	}
	behindSilence, err := connect(silent, published)
	if err != nil {
		return err
	}
	ctx := context.Background()
	checks := []struct {
		name string
		run  func() error
	}{
		{"quote", func() error { return checkQuote(ctx, client) }},
		{"race", func() error { return checkRace(ctx, client) }},
		{"order", func() error { return checkOrder(ctx, client) }},
		{"repetition", func() error { return checkRepetition(ctx, client) }},
		{"fields", func() error { return checkFields(ctx, client) }},
		{"stranger", func() error { return checkStranger(ctx, client) }},
		{"lost answer", func() error { return checkLostAnswer(ctx, behindLossy) }},
		{"deadline", func() error { return checkDeadline(ctx, behindSilence) }},
	}
	failed := 0
	for _, check := range checks {
		if err := check.run(); err != nil {
			failed++
			fmt.Printf("failed %s: %v\n", check.name, err)
			continue
		}
		fmt.Printf("ok %s\n", check.name)
	}
	if failed > 0 {
		return fmt.Errorf("%d checks failed", failed)
	}
	return nil
}

// connect makes a client that repeats and ends calls as the service configuration says.
func connect(address string, serviceConfig []byte) (tokka.PricingServiceClient, error) {
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(string(serviceConfig)))
	if err != nil {
		return nil, err
	}
	return tokka.NewPricingServiceClient(connection), nil
}

// pans is three frying pans, and a coupon that takes 300 off.
func pans(user string) (*tokka.Basket, []*tokka.CouponOffer) {
	basket := &tokka.Basket{
		Currency: "JPY",
		User:     proto.String(user),
		Lines: []*tokka.Line{{
			LineId: "a", Sku: "hl-pan-24", Store: "hinata-living", Categories: []string{"household"},
			UnitPrice: 2980, Quantity: 3,
		}},
	}
	return basket, []*tokka.CouponOffer{{Offer: &tokka.CouponOffer_Design{Design: "hl-coupon-300"}}}
}

func checkQuote(ctx context.Context, client tokka.PricingServiceClient) error {
	basket, coupons := pans("go-quote")
	answer, err := client.Quote(ctx, &tokka.QuoteRequest{Basket: basket, Coupons: coupons, View: tokka.View_VIEW_FULL})
	if err != nil {
		return err
	}
	quote := answer.GetQuote()
	var lines, stores int64
	for _, line := range quote.GetLines() {
		lines += line.GetPayable()
	}
	for _, store := range quote.GetStores() {
		stores += store.GetPayable()
	}
	if quote.GetPayable() != 8240 || lines != 8240 || stores != 8240 || quote.GetGross() != 8940 {
		return fmt.Errorf("8,940 less 700 is %d by order, %d by line, %d by store", quote.GetPayable(), lines, stores)
	}
	for _, outcome := range quote.GetOutcomes() {
		if outcome.GetPromotion() == "hl-coupon-300" && outcome.GetCode() == tokka.OutcomeCode_OUTCOME_CODE_APPLIED {
			return nil
		}
	}
	return fmt.Errorf("the coupon is not among what applied: %v", quote.GetOutcomes())
}

// checkRace lets fifty buyers want ten units at the same time.
func checkRace(ctx context.Context, client tokka.PricingServiceClient) error {
	const buyers, units = 50, 10
	basket := func(buyer int) *tokka.Basket {
		return &tokka.Basket{
			Currency: "JPY",
			User:     proto.String(fmt.Sprintf("go-buyer-%d", buyer)),
			Lines: []*tokka.Line{{
				LineId: "a", Sku: "yo-pack-20", Store: "yamabiko-outdoor", Categories: []string{"packs"},
				UnitPrice: 6980, Quantity: 1,
			}},
		}
	}
	seen, err := client.Quote(ctx, &tokka.QuoteRequest{Basket: basket(0)})
	if err != nil {
		return err
	}
	if seen.GetQuote().GetPayable() != 3980 {
		return fmt.Errorf("the price is %d before the race", seen.GetQuote().GetPayable())
	}
	refusals := make([]error, buyers)
	var everybody sync.WaitGroup
	for buyer := range buyers {
		everybody.Go(func() {
			_, refusals[buyer] = client.Reserve(ctx, &tokka.ReserveRequest{
				ReservationId: fmt.Sprintf("go-race-%d", buyer),
				Basket:        basket(buyer),
				Expect:        &tokka.ReserveRequest_ExpectedPayable{ExpectedPayable: 3980},
			})
		})
	}
	everybody.Wait()
	won := 0
	for _, refusal := range refusals {
		if refusal == nil {
			won++
			continue
		}
		if err := refused(refusal, codes.Aborted, "PRICE_CHANGED"); err != nil {
			return err
		}
		quota := detail[*errdetails.QuotaFailure](refusal)
		if quota == nil || quota.GetViolations()[0].GetSubject() != "promotion:yo-flash-pack" ||
			quota.GetViolations()[0].GetQuotaDimensions()["limit"] != "10" {
			return fmt.Errorf("a refusal does not name the stock: %v", quota)
		}
	}
	if won != units {
		return fmt.Errorf("%d of %d units were sold", won, units)
	}
	return nil
}

// checkOrder holds three pans, pays them, and returns one.
func checkOrder(ctx context.Context, client tokka.PricingServiceClient) error {
	const id, user = "go-order", "go-order-user"
	basket, coupons := pans(user)
	held, err := client.Reserve(ctx, &tokka.ReserveRequest{
		ReservationId: id, Basket: basket, Coupons: coupons,
		Expect: &tokka.ReserveRequest_ExpectedPayable{ExpectedPayable: 8240},
	})
	if err != nil {
		return err
	}
	if held.GetReservation().GetState() != tokka.ReservationState_RESERVATION_STATE_HELD {
		return fmt.Errorf("it is %v", held.GetReservation().GetState())
	}
	paid, err := client.Commit(ctx, &tokka.CommitRequest{ReservationId: id, User: proto.String(user)})
	if err != nil {
		return err
	}
	if paid.GetReservation().GetState() != tokka.ReservationState_RESERVATION_STATE_COMMITTED {
		return fmt.Errorf("it is %v", paid.GetReservation().GetState())
	}
	back, err := client.Rollback(ctx, &tokka.RollbackRequest{
		ReservationId: id, User: proto.String(user), RollbackId: "back-1",
		Lines: []*tokka.LineUnits{{LineId: "a", Units: 1}},
	})
	if err != nil {
		return err
	}
	left := back.GetReservation()
	if back.GetRefund().GetAmount() != 2746 || left.GetRefunded() != 2746 || left.GetRefunded()+left.GetKept() != left.GetPayable() {
		return fmt.Errorf("refund %d, refunded %d, kept %d of %d",
			back.GetRefund().GetAmount(), left.GetRefunded(), left.GetKept(), left.GetPayable())
	}
	return nil
}

// checkRepetition sends everything twice under its id, and another request under an id that is taken.
func checkRepetition(ctx context.Context, client tokka.PricingServiceClient) error {
	const id, user = "go-twice", "go-twice-user"
	basket, coupons := pans(user)
	request := &tokka.ReserveRequest{
		ReservationId: id, Basket: basket, Coupons: coupons,
		Expect: &tokka.ReserveRequest_ExpectedPayable{ExpectedPayable: 8240},
	}
	first, err := client.Reserve(ctx, request)
	if err != nil {
		return err
	}
	again, err := client.Reserve(ctx, request)
	if err != nil {
		return err
	}
	if !proto.Equal(first, again) || again.GetReservation().GetVersion() != 1 {
		return fmt.Errorf("the second answer is another one: %v", again.GetReservation())
	}
	other := proto.Clone(request).(*tokka.ReserveRequest)
	other.Basket.Lines[0].Quantity = 2
	_, err = client.Reserve(ctx, other)
	if err := refused(err, codes.AlreadyExists, "ID_TAKEN"); err != nil {
		return err
	}
	all := &tokka.RollbackRequest{ReservationId: id, User: proto.String(user), RollbackId: "back", All: true}
	for range 2 {
		back, err := client.Rollback(ctx, all)
		if err != nil {
			return err
		}
		if back.GetReservation().GetState() != tokka.ReservationState_RESERVATION_STATE_ROLLED_BACK ||
			back.GetReservation().GetVersion() != 2 {
			return fmt.Errorf("it is %v", back.GetReservation())
		}
	}
	return nil
}

func checkFields(ctx context.Context, client tokka.PricingServiceClient) error {
	basket, _ := pans("go-fields")
	basket.Lines[0].Quantity = 0
	_, err := client.Quote(ctx, &tokka.QuoteRequest{Basket: basket})
	if err := refused(err, codes.InvalidArgument, "INVALID_FIELDS"); err != nil {
		return err
	}
	violations := detail[*errdetails.BadRequest](err).GetFieldViolations()
	if len(violations) != 1 || violations[0].GetField() != "basket.lines[0].quantity" || violations[0].GetDescription() == "" {
		return fmt.Errorf("the field is not named: %v", violations)
	}
	return nil
}

func checkStranger(ctx context.Context, client tokka.PricingServiceClient) error {
	_, err := client.GetReservation(ctx, &tokka.GetReservationRequest{ReservationId: "go-order", User: proto.String("somebody")})
	return refused(err, codes.NotFound, "RESERVATION_NOT_FOUND")
}

// checkLostAnswer reserves where the connection breaks after the server has done it and before anybody hears of it.
func checkLostAnswer(ctx context.Context, client tokka.PricingServiceClient) error {
	const id, user = "go-lost", "go-lost-user"
	basket, coupons := pans(user)
	answer, err := client.Reserve(ctx, &tokka.ReserveRequest{
		ReservationId: id, Basket: basket, Coupons: coupons,
		Expect: &tokka.ReserveRequest_ExpectedPayable{ExpectedPayable: 8240},
	})
	if err != nil {
		return err
	}
	if answer.GetReservation().GetVersion() != 1 || answer.GetReservation().GetPayable() != 8240 {
		return fmt.Errorf("it is not held once: %v", answer.GetReservation())
	}
	return nil
}

// checkDeadline asks who never answers: nobody but the service configuration ends the call.
func checkDeadline(ctx context.Context, client tokka.PricingServiceClient) error {
	basket, _ := pans("go-deadline")
	_, err := client.Quote(ctx, &tokka.QuoteRequest{Basket: basket})
	if status.Code(err) != codes.DeadlineExceeded {
		return fmt.Errorf("the call ended with %v", err)
	}
	return nil
}

// refused says what is wrong with a refusal that should have this status and this reason.
func refused(err error, code codes.Code, reason string) error {
	info := detail[*errdetails.ErrorInfo](err)
	if status.Code(err) != code || info.GetReason() != reason || info.GetDomain() != "tokka" {
		return fmt.Errorf("%v / %s is expected, and there is %v with %v", code, reason, err, info)
	}
	return nil
}

// detail finds what a refusal says besides, by its type; nil where it says no such thing.
func detail[T proto.Message](err error) T {
	var none T
	for _, found := range status.Convert(err).Details() {
		if found, is := found.(T); is {
			return found
		}
	}
	return none
}

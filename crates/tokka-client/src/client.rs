//! Which calls are there? One method each, over one connection that comes up when it is needed.

use tokka_proto::v1;
use tokka_proto::v1::coupon_service_client::CouponServiceClient;
use tokka_proto::v1::pricing_service_client::PricingServiceClient;
use tokka_proto::v1::storefront_service_client::StorefrontServiceClient;
use tonic::transport::{Channel, Endpoint};

use crate::config::Config;
use crate::error::Error;
use crate::retry::{Kind, with_retries};

/// A quote in the view FULL of 1,000 lines is a few MiB.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

/// One call, attempts and deadline included. A macro, since the methods of the generated client differ in type only.
macro_rules! send {
    ($client:expr, $kind:expr, $deadline:ident, $method:ident($request:expr)) => {
        send!($client, $kind, $deadline, pricing.$method($request))
    };
    ($client:expr, $kind:expr, $deadline:ident, $service:ident.$method:ident($request:expr)) => {{
        let Config { retries, deadlines, .. } = &$client.config;
        with_retries(retries, $kind, deadlines.$deadline, $request, |request| {
            let mut service = $client.$service.clone();
            async move { service.$method(request).await }
        })
        .await
    }};
}

/// Asks one server. A clone shares its connection; calls may run at the same time.
#[derive(Debug, Clone)]
pub struct Client {
    pricing: PricingServiceClient<Channel>,
    storefront: StorefrontServiceClient<Channel>,
    coupons: CouponServiceClient<Channel>,
    config: Config,
}

/// Why there is no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The address is no address.
    #[error("`{server}` is not an address such as `http://127.0.0.1:7070`: {why}")]
    Address {
        /// As configured.
        server: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Client {
    /// A client of a server. The connection comes up with the first call, and again whenever it broke.
    ///
    /// # Errors
    /// [`ConnectError`]: the address is none, or asks for TLS, which takes [`Client::over`].
    pub fn new(config: Config) -> Result<Self, ConnectError> {
        let endpoint = endpoint(&config)?;
        Ok(Self::over(endpoint.connect_lazy(), config))
    }

    /// A client over a channel that the caller made, with TLS for example; the address of the configuration means nothing
    /// then.
    ///
    /// Needs a Tokio runtime, as does [`Client::new`].
    #[must_use]
    pub fn over(channel: Channel, config: Config) -> Self {
        let pricing = PricingServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let storefront = StorefrontServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let coupons = CouponServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Self { pricing, storefront, coupons, config }
    }

    /// Prices a basket and promises nothing.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn quote(&self, request: v1::QuoteRequest) -> Result<v1::QuoteResponse, Error> {
        send!(self, Kind::Read, quote, quote(request))
    }

    /// Holds what a price depends on, until it is committed, rolled back, or its deadline passes.
    ///
    /// # Errors
    /// [`Error`]; a request without a `reservation_id` is not sent.
    pub async fn reserve(&self, request: v1::ReserveRequest) -> Result<v1::ReserveResponse, Error> {
        named(&request.reservation_id, "reservation_id")?;
        send!(self, Kind::Change, change, reserve(request))
    }

    /// The order is paid.
    ///
    /// # Errors
    /// [`Error`]; a request with neither a `reservation_id` nor a `receipt` is not sent.
    pub async fn commit(&self, request: v1::CommitRequest) -> Result<v1::CommitResponse, Error> {
        named_or_receipt(&request.reservation_id, &request.receipt)?;
        send!(self, Kind::Change, change, commit(request))
    }

    /// Cancels or returns an order, in whole or in part.
    ///
    /// # Errors
    /// [`Error`]; a request without a `rollback_id` is not sent unless it only validates, nor is one with neither a
    /// `reservation_id` nor a `receipt`.
    pub async fn rollback(&self, request: v1::RollbackRequest) -> Result<v1::RollbackResponse, Error> {
        named_or_receipt(&request.reservation_id, &request.receipt)?;
        if !request.validate_only {
            named(&request.rollback_id, "rollback_id")?;
        }
        send!(self, Kind::Change, change, rollback(request))
    }

    /// Holds longer.
    ///
    /// # Errors
    /// [`Error`]; a request without a `request_id` is not sent, nor is one with neither a `reservation_id` nor a `receipt`.
    pub async fn extend(&self, request: v1::ExtendReservationRequest) -> Result<v1::ExtendReservationResponse, Error> {
        named_or_receipt(&request.reservation_id, &request.receipt)?;
        named(&request.request_id, "request_id")?;
        send!(self, Kind::Change, change, extend_reservation(request))
    }

    /// A reservation as it stands.
    ///
    /// # Errors
    /// [`Error`]; a request with neither a `reservation_id` nor a `receipt` is not sent.
    pub async fn get(&self, request: v1::GetReservationRequest) -> Result<v1::GetReservationResponse, Error> {
        named_or_receipt(&request.reservation_id, &request.receipt)?;
        send!(self, Kind::Read, get, get_reservation(request))
    }

    /// What the cards of 1 to 200 products show.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn price_cards(&self, request: v1::PriceCardsRequest) -> Result<v1::PriceCardsResponse, Error> {
        send!(self, Kind::Read, quote, storefront.price_cards(request))
    }

    /// What a product can get.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn product_offers(&self, request: v1::GetProductOffersRequest) -> Result<v1::GetProductOffersResponse, Error> {
        send!(self, Kind::Read, quote, storefront.get_product_offers(request))
    }

    /// A page of the products of a promotion.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn list_zone(&self, request: v1::ListZoneRequest) -> Result<v1::ListZoneResponse, Error> {
        send!(self, Kind::Read, quote, storefront.list_zone(request))
    }

    /// A page of what can be claimed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn claimable_coupons(
        &self,
        request: v1::ListClaimableCouponsRequest,
    ) -> Result<v1::ListClaimableCouponsResponse, Error> {
        send!(self, Kind::Read, quote, storefront.list_claimable_coupons(request))
    }

    /// A user takes one coupon of a distribution.
    ///
    /// # Errors
    /// [`Error`]; a request without a `request_id` is not sent.
    pub async fn claim_coupon(&self, request: v1::ClaimCouponRequest) -> Result<v1::ClaimCouponResponse, Error> {
        named(&request.request_id, "request_id")?;
        send!(self, Kind::Change, change, coupons.claim_coupon(request))
    }

    /// Redeems a code for a user. Repeated under its `request_id`.
    ///
    /// # Errors
    /// [`Error`]; a request without a `request_id` is not sent.
    pub async fn redeem_code(&self, request: v1::RedeemCodeRequest) -> Result<v1::RedeemCodeResponse, Error> {
        named(&request.request_id, "request_id")?;
        send!(self, Kind::Change, change, coupons.redeem_code(request))
    }

    /// A page of what a user holds and held.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn user_coupons(&self, request: v1::ListUserCouponsRequest) -> Result<v1::ListUserCouponsResponse, Error> {
        send!(self, Kind::Read, get, coupons.list_user_coupons(request))
    }
}

/// What changes something is repeated under its id only, so it has to have one.
fn named(id: &str, field: &str) -> Result<(), Error> {
    if id.is_empty() {
        Err(Error::unsent(field, "the caller chooses an id, which makes the call safe to repeat"))
    } else {
        Ok(())
    }
}

fn named_or_receipt(id: &str, receipt: &[u8]) -> Result<(), Error> {
    if receipt.is_empty() { named(id, "reservation_id") } else { Ok(()) }
}

pub(crate) fn endpoint(config: &Config) -> Result<Endpoint, ConnectError> {
    let refuse = |why: String| ConnectError::Address { server: config.server.clone(), why };
    let address = match config.server.split_once("://") {
        None => format!("http://{}", config.server),
        Some(("http", _)) => config.server.clone(),
        Some(("https", _)) => return Err(refuse("TLS is not built in".to_owned())),
        Some((scheme, _)) => return Err(refuse(format!("`{scheme}` is not `http`"))),
    };
    let endpoint = Endpoint::from_shared(address).map_err(|error| refuse(error.to_string()))?;
    let uri = endpoint.uri();
    if uri.host().is_none_or(str::is_empty) {
        return Err(refuse("it names no host".to_owned()));
    }
    // `Uri` takes any digits as a port, and then has none.
    if uri.port_u16().is_none() && uri.authority().is_some_and(|authority| !authority.as_str().ends_with(authority.host())) {
        return Err(refuse("its port is not between 1 and 65535".to_owned()));
    }
    // A peer that went away without a word is noticed even while no call is on its way.
    Ok(endpoint
        .connect_timeout(config.connect_max)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(std::time::Duration::from_secs(30))
        .keep_alive_timeout(std::time::Duration::from_secs(10))
        .keep_alive_while_idle(true))
}

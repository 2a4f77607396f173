//! Signing in with an organisation's identity provider (inloggning via den egna organisationen, OpenID Connect).
//!
//! Towards the provider Samsyn is a client (relying party). Towards frontends it is a small authorization server: they send
//! the browser to `/oauth2/authorize`, get a code back, and redeem it at the token endpoint for a session. All addresses of
//! a provider come from the operator's settings and what the provider publishes below them, never from a token or a caller.

mod account;
mod api;
mod claims;
mod id_token;
mod pages;
mod provider;
mod redeem;
mod settings;
mod store;
mod table;
mod types;

pub use api::routes;
pub use pages::{authorize, callback};
pub use provider::Federation;
pub use redeem::{Redeemed, redeem, redeemed};
pub use settings::{IdentityProvider, LoginClient, check};
pub use types::*;

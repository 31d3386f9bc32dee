//! What the Nakama protocol has and this server does not: games, stores, other people's accounts.
//!
//! The answer names the feature. Its status and code are those of the reference for what an operator has not
//! configured (400, 9), which no client library asks again for by itself. Others would mislead: "not found" tells
//! `authenticateGoogle(create = false)` that there is no such account, and a game goes on to register one; 401 makes
//! games sign in anew; from 500 on some libraries try again. Nothing is told to those who may not ask: the server key
//! or the session token is looked at first, as on every other path.

use actix_web::{
    HttpResponse, Resource, Route,
    web::{self, ServiceConfig},
};

use super::{auth::WithServerKey, dress, route::Meter};
use crate::{
    account::Caller,
    wire::error::{ApiCode, ApiError},
};

/// Paths that are asked for with the server key, and what they are for.
const WITH_SERVER_KEY: &[(&str, &str)] = &[(
    "/v2/account/authenticate/{with}",
    "signing in with an account of another service",
)];

/// Paths that are asked for with a session token, and what they are for.
const WITH_SESSION: &[(&str, &str)] = &[
    (
        "/v2/account/link/{with}",
        "linking an account of another service",
    ),
    (
        "/v2/account/unlink/{with}",
        "linking an account of another service",
    ),
    (
        "/v2/friend/facebook",
        "importing friends from another service",
    ),
    ("/v2/friend/steam", "importing friends from another service"),
    ("/v2/event", "events of the game"),
    ("/v2/iap/{path:.*}", "purchases"),
    ("/v2/leaderboard/{path:.*}", "leaderboards"),
    ("/v2/match", "matches"),
    ("/v2/matchmaker/{path:.*}", "the matchmaker"),
    ("/v2/party", "parties"),
    ("/v2/rpc/{path:.*}", "functions of the game (rpc)"),
    ("/v2/storage", "the storage"),
    ("/v2/storage/{path:.*}", "the storage"),
    ("/v2/tournament", "tournaments"),
    ("/v2/tournament/{path:.*}", "tournaments"),
];

/// Mounts an answer for each. Behind the paths that are served: some of these patterns hold them.
pub(super) fn configure(app: &mut ServiceConfig) {
    let others = Meter::of_others();
    for &(path, feature) in WITH_SERVER_KEY {
        let answer = web::to(move |_: WithServerKey| std::future::ready(refusal(feature)));
        dress(app, whatever_the_method(path, answer), others.clone());
    }
    for &(path, feature) in WITH_SESSION {
        let answer = web::to(move |_: Caller| std::future::ready(refusal(feature)));
        dress(app, whatever_the_method(path, answer), others.clone());
    }
}

fn whatever_the_method(path: &str, answer: Route) -> Resource {
    web::resource(path).default_service(answer)
}

fn refusal(feature: &str) -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(
        ApiCode::FailedPrecondition,
        format!("{feature}: not served here"),
    ))
}

//! A path that is served: its methods, and how often and how long each is asked.
//!
//! Invariant: what can be counted of a path stands at zero from the moment it is mounted. The label is the pattern of
//! the path, as schemas/openapi.yaml writes it, never what a client has sent.

use std::{future::Future, rc::Rc, time::Instant};

use actix_web::{
    Error, FromRequest, Handler, Resource, Responder, Route,
    dev::ServiceResponse,
    guard,
    http::{Method, StatusCode},
    web,
};

use super::other_method;
use crate::gateway::metrics::{CALL_SECONDS, CALLS};

/// A path and what it does for each method. It refuses the others.
pub(crate) struct Served {
    pattern: String,
    methods: Vec<Method>,
    resource: Resource,
}

/// A path that is served.
pub(crate) fn resource(pattern: &str) -> Served {
    Served {
        pattern: pattern.to_owned(),
        methods: Vec::new(),
        resource: web::resource(pattern).default_service(web::to(other_method)),
    }
}

impl Served {
    pub(crate) fn route(mut self, call: Call) -> Self {
        self.methods.push(call.method);
        self.resource = self.resource.route(call.route);
        self
    }

    /// The bare path, and what counts its requests.
    pub(super) fn metered(self) -> (Resource, Meter) {
        let meter = Meter::new(&label(&self.pattern), self.methods);
        (self.resource, meter)
    }

    /// The bare path.
    pub(crate) fn unmetered(self) -> Resource {
        self.resource
    }
}

/// What a path does for one method.
pub(crate) struct Call {
    method: Method,
    route: Route,
}

impl Call {
    pub(crate) fn to<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self {
            route: self.route.to(handler),
            ..self
        }
    }
}

/// Whatever can be asked for with `GET` can be asked for with `HEAD`.
pub(crate) fn get_or_head() -> Call {
    Call {
        method: Method::GET,
        route: web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
    }
}

pub(super) fn post() -> Call {
    Call {
        method: Method::POST,
        route: web::post(),
    }
}

pub(super) fn put() -> Call {
    Call {
        method: Method::PUT,
        route: web::put(),
    }
}

pub(super) fn delete() -> Call {
    Call {
        method: Method::DELETE,
        route: web::delete(),
    }
}

/// Counts and times the requests of a path. Cheap to clone.
#[derive(Clone)]
pub(super) struct Meter(Rc<Series>);

struct Series {
    seconds: metrics::Histogram,
    served: Vec<(Method, ByStatus)>,
    /// Preflights, and what is refused.
    other: ByStatus,
}

/// By class of the status: good, the client's fault, the server's.
struct ByStatus([metrics::Counter; 3]);

impl ByStatus {
    fn new(route: &str, method: &str) -> Self {
        Self(["2xx", "4xx", "5xx"].map(|class| CALLS.of([route, method, class])))
    }

    fn count(&self, status: StatusCode) {
        let class = match status.as_u16() {
            ..400 => 0,
            400..500 => 1,
            500.. => 2,
        };
        self.0[class].increment(1);
    }
}

impl Meter {
    /// For paths that have no name of their own.
    pub(super) fn of_others() -> Self {
        Self::new("other", Vec::new())
    }

    fn new(route: &str, methods: Vec<Method>) -> Self {
        let series = |method: Method| {
            let by_status = ByStatus::new(route, method.as_str());
            (method, by_status)
        };
        Self(Rc::new(Series {
            seconds: CALL_SECONDS.of([route]),
            served: methods.into_iter().map(series).collect(),
            other: ByStatus::new(route, "other"),
        }))
    }

    /// Counts a request with this method, and times its answer.
    pub(super) async fn measure<B>(
        self,
        method: Method,
        answer: impl Future<Output = Result<ServiceResponse<B>, Error>>,
    ) -> Result<ServiceResponse<B>, Error> {
        let method = match method {
            Method::HEAD => Method::GET,
            method => method,
        };
        let begun = Instant::now();
        let answer = answer.await;
        let Series {
            seconds,
            served,
            other,
        } = &*self.0;
        seconds.record(begun.elapsed());
        let known = served.iter().find(|(known, _)| *known == method);
        let by_status = known.map_or(other, |(_, by_status)| by_status);
        by_status.count(match &answer {
            Ok(answer) => answer.status(),
            Err(error) => error.as_response_error().status_code(),
        });
        answer
    }
}

/// The pattern as people write it: `{id}` for `{id:[^/]*}`.
fn label(pattern: &str) -> String {
    let mut label = String::with_capacity(pattern.len());
    let mut parts = pattern.split('{');
    label.extend(parts.next());
    for part in parts {
        let (parameter, rest) = part.split_once('}').unwrap_or((part, ""));
        let name = parameter.split(':').next().unwrap_or(parameter);
        label.extend(["{", name, "}", rest]);
    }
    label
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn a_label_names_parameters_without_their_rules() {
        assert_eq!(label("/v2/user"), "/v2/user");
        assert_eq!(
            label("/v2/group/{group_id:[^/]*}/user"),
            "/v2/group/{group_id}/user"
        );
        assert_eq!(label("/{path:.*}"), "/{path}");
    }
}

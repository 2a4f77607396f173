//! Adds the permission of each operation to the contract, as `x-permission`. The only source is the signature of the handler: each
//! handler gets a call that its first argument, [`access::By`], answers with the permission.
//!
//! [`access::By`]: crate::access::By

use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::{
    App, Error, HttpMessage,
    body::MessageBody,
    dev::{AppConfig, ServiceRequest, ServiceResponse},
    http::Method,
    test::TestRequest,
};
use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::{access::WhichPermission, kernel::Problem};

/// Writes the permission of each operation into the document. An operation whose handler has no [`access::By`] gets none, and
/// `Contract::new` then refuses the document.
///
/// [`access::By`]: crate::access::By
pub fn complete<T, B>(app: App<T>, document: &mut Value)
where
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()> + 'static,
    T::Future: 'static,
    B: MessageBody,
{
    // Nothing here waits: the service is built at once, and `By` answers at once.
    let Some(Ok(service)) = app.into_factory().new_service(AppConfig::default()).now_or_never() else { return };
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap_or_default();
            let request = TestRequest::with_uri(path).method(method).to_request();
            request.extensions_mut().insert(WhichPermission);
            let answer = service.call(request).now_or_never().and_then(Result::ok);
            let problem = answer.and_then(|answer| answer.response().extensions().get::<Problem>().cloned());
            if let Some(permission) = problem.and_then(|problem| problem.required_permission) {
                operation["x-permission"] = json!(permission);
            }
        }
    }
}

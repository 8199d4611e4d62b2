//! A server in this process: [`Service`].

use std::fmt;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};

use super::{BoxFuture, Implementation, MAX_ANSWER, SendError};
use super::{RawExchange, raw};
use crate::reference::Reply;
use crate::report::Kind;

/// A tower service of `http` types, in this process.
#[derive(Clone)]
pub struct Service<S>(S);

impl<S> Service<S> {
    /// Around a service; each request is sent to a clone of it.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use corsuite::implementation::{Implementation, Service};
    /// use http_body_util::Full;
    ///
    /// #[derive(Clone)]
    /// struct Mine;
    /// impl tower_service::Service<http::Request<Full<Bytes>>> for Mine {
    ///     type Response = http::Response<Full<Bytes>>;
    ///     type Error = std::convert::Infallible;
    ///     type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
    ///     fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
    ///         std::task::Poll::Ready(Ok(()))
    ///     }
    ///     fn call(&mut self, _: http::Request<Full<Bytes>>) -> Self::Future {
    ///         std::future::ready(Ok(http::Response::new(Full::default())))
    ///     }
    /// }
    ///
    /// let service = Service::new(Mine);
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let request = http::Request::get("http://mine.example/").body(Bytes::new()).unwrap();
    /// assert_eq!(service.send(request).await.unwrap().status(), 200);
    /// # });
    /// ```
    pub fn new(service: S) -> Self {
        Self(service)
    }
}

impl<S> fmt::Debug for Service<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Service").finish_non_exhaustive()
    }
}

impl<S, B> Implementation for Service<S>
where
    S: tower_service::Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: fmt::Display,
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
        Box::pin(call(self.0.clone(), request))
    }

    fn exchange(&self, raw: RawExchange) -> BoxFuture<'_, Result<Vec<Response<Bytes>>, SendError>> {
        Box::pin(async move {
            let answer = |request: Request<Bytes>| {
                let answered = call(self.0.clone(), request);
                async move { answered.await.map_or(Reply::Reset, Reply::Answer) }
            };
            raw::in_memory(&raw, None, answer).await
        })
    }

    fn kind(&self) -> Kind {
        Kind::InProcess
    }
}

async fn call<S, B>(mut service: S, request: Request<Bytes>) -> Result<Response<Bytes>, SendError>
where
    S: tower_service::Service<Request<Full<Bytes>>, Response = Response<B>>,
    S::Error: fmt::Display,
    B: hyper::body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let broken = |error: &dyn fmt::Display| SendError::Broken(error.to_string());
    std::future::poll_fn(|context| service.poll_ready(context)).await.map_err(|error| broken(&error))?;
    let answer = service.call(request.map(Full::new)).await.map_err(|error| broken(&error))?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| broken(&error))?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

use std::sync::Arc;

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use crate::io::Meter;

/// Counts every request to S3, including repeated ones, in the meter of the requests to the server.
#[derive(Debug)]
pub struct RequestCounter(pub Arc<Meter>);

/// The mark that the first try of a request sets.
#[derive(Debug)]
struct Tried;

impl Storable for Tried {
    type Storer = StoreReplace<Self>;
}

impl Intercept for RequestCounter {
    fn name(&self) -> &'static str {
        "count"
    }

    fn read_before_attempt(
        &self,
        _request: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.request();
        if bag.load::<Tried>().is_some() {
            self.0.retry();
        }
        bag.interceptor_state().store_put(Tried);
        Ok(())
    }
}

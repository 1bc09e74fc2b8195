//! SageMaker: ARNs, the chain of credentials, SigV4. Only this folder names the AWS crates besides S3's.

mod arn;
mod credentials;
mod renewal;
mod session;
mod vigil;

pub use arn::{Arn, Resource};
pub use session::{Session, credentials_trouble};
pub use vigil::Work;

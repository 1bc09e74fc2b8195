//! SageMaker: ARNs, the chain of credentials, SigV4, the control plane, IAM and STS. Only this folder uses the AWS
//! crates, apart from the crate for S3.

mod app;
mod arn;
mod assumed;
mod control_plane;
mod credentials;
mod failure;
mod http;
mod identity;
mod maintenance_window;
mod patterns;
mod policy;
mod renewal;
mod role;
mod session;
mod sign;
mod tracking_server;

pub use app::{AppChange, NewApp};
pub use arn::{Arn, CUSTOM_ENDPOINT, Resource};
pub use control_plane::{AppDescription, AppSummary, ControlPlane, Readiness};
pub use credentials::says_ended;
pub use failure::{credentials_trouble, is_role_not_known_yet};
pub use identity::{CallerIdentity, Identity, identity};
pub use maintenance_window::MaintenanceWindow;
pub use patterns::role as check_role;
pub use policy::{Policy, Scope, unfilled};
pub use role::Roles;
pub use session::Session;
pub use sign::{Refusal, Signature, Signer, Unsigned};

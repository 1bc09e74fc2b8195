//! SageMaker: ARNs, credentials, SigV4, the App's control plane, the pre-flight. Empty until that step is built;
//! only this folder will name the AWS crates.

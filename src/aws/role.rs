//! Roles in IAM: who may assume a role, and which actions it may use.

use aws_sdk_iam::Client;
use aws_sdk_iam::types::PolicyEvaluationDecisionType as Decision;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::Session;
use super::failure::{Request, failure};
use crate::error::{Error, Result};

/// The service that must be able to assume an App's role.
const SAGEMAKER: &str = "sagemaker.amazonaws.com";

/// IAM. It is one service for all regions of a partition.
pub struct Roles {
    client: Client,
    region: String,
}

/// A role, as IAM returns it.
#[derive(Clone, Debug)]
pub struct Role {
    /// With its path.
    pub arn: String,
    /// Its trust policy lets SageMaker assume it. Conditions of the policy are not checked.
    pub trusts_sagemaker: bool,
}

impl Roles {
    pub fn new(session: &Session, region: &str) -> Self {
        let config = aws_sdk_iam::config::Builder::from(session.sdk())
            .region(aws_sdk_iam::config::Region::new(region.to_owned()))
            .build();
        Self { client: Client::from_conf(config), region: region.to_owned() }
    }

    pub async fn get(&self, name: &str) -> Result<Role> {
        let asked = Request { action: "iam:GetRole", of: name, region: &self.region };
        let answer = self.client.get_role().role_name(name).send().await.map_err(|e| failure(asked, &e))?;
        let role = answer
            .role
            .ok_or_else(|| Error::permanent(format!("IAM returned nothing about the role {name}")))?;
        let trust = role.assume_role_policy_document.unwrap_or_default();
        Ok(Role { arn: role.arn, trusts_sagemaker: trusts(&trust, SAGEMAKER) })
    }

    /// The actions that the policies of a user or role do not allow on a resource. The result is only a hint: policies
    /// of buckets, VPC endpoints and sessions are not evaluated (AWS: SimulatePrincipalPolicy).
    pub async fn denied(&self, principal: &str, actions: &[&str], resource: &str) -> Result<Vec<String>> {
        let asked = Request { action: "iam:SimulatePrincipalPolicy", of: principal, region: &self.region };
        let mut pages = self
            .client
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(actions.iter().map(|action| (*action).to_owned()).collect()))
            .resource_arns(resource)
            .into_paginator()
            .send();
        let mut denied = Vec::new();
        while let Some(page) = pages.next().await {
            let results = page.map_err(|e| failure(asked, &e))?.evaluation_results.unwrap_or_default();
            let refused = results.into_iter().filter(|one| one.eval_decision != Decision::Allowed);
            denied.extend(refused.map(|one| one.eval_action_name));
        }
        Ok(denied)
    }
}

/// Whether a trust policy, percent-encoded as IAM returns it, allows a service to assume its role.
fn trusts(policy: &str, service: &str) -> bool {
    let text = percent_decode_str(policy).decode_utf8_lossy();
    let Ok(policy) = serde_json::from_str::<Value>(&text) else { return false };
    let names = |value: &Value, wanted: &str| each(value).any(|one| one.as_str() == Some(wanted));
    each(&policy["Statement"]).any(|statement| {
        let action = &statement["Action"];
        statement["Effect"] == "Allow"
            && ["sts:AssumeRole", "sts:*", "*"].iter().any(|wanted| names(action, wanted))
            && (names(&statement["Principal"]["Service"], service) || names(&statement["Principal"], "*"))
    })
}

/// The items of a value that IAM writes as one item or as a list.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let list = value.as_array().map(Vec::as_slice);
    list.unwrap_or(std::slice::from_ref(value)).iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_policy_is_read_in_all_its_forms() {
        let policy = |principal: &str, action: &str| {
            format!(r#"{{"Statement":[{{"Effect":"Allow","Principal":{principal},"Action":{action}}}]}}"#)
        };
        let one = policy(r#"{"Service":"sagemaker.amazonaws.com"}"#, r#""sts:AssumeRole""#);
        let encoded =
            percent_encoding::utf8_percent_encode(&one, percent_encoding::NON_ALPHANUMERIC).to_string();
        let many = policy(
            r#"{"Service":["ec2.amazonaws.com","sagemaker.amazonaws.com"]}"#,
            r#"["sts:TagSession","sts:AssumeRole"]"#,
        );
        for fine in [&one, &encoded, &many] {
            assert!(trusts(fine, SAGEMAKER), "{fine}");
        }
        let other = policy(r#"{"Service":"ec2.amazonaws.com"}"#, r#""sts:AssumeRole""#);
        let denied = one.replace("Allow", "Deny");
        let tags_only = policy(r#"{"Service":"sagemaker.amazonaws.com"}"#, r#""sts:TagSession""#);
        for bad in [&other, &denied, &tags_only, "", "not a policy"] {
            assert!(!trusts(bad, SAGEMAKER), "{bad}");
        }
    }
}

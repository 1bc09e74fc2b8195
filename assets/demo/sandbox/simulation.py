"""iam:SimulatePrincipalPolicy, which moto does not have."""

from xml.sax.saxutils import escape

from permissions import decision

ANSWER = """<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{}</EvaluationResults></SimulatePrincipalPolicyResult>
  <ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>
</SimulatePrincipalPolicyResponse>"""
MEMBER = """<member><EvalActionName>{}</EvalActionName><EvalResourceName>{}</EvalResourceName>
  <EvalDecision>{}</EvalDecision><MatchedStatements/><MissingContextValues/></member>"""


def members(form, name):
    """The values of a list in AWS's query protocol: `Name.member.1`, `Name.member.2`, …"""
    found, at = [], 1
    while f"{name}.member.{at}" in form:
        found.append(form[f"{name}.member.{at}"][0])
        at += 1
    return found


def simulate(account, form):
    principal = form["PolicySourceArn"][0]
    resources = members(form, "ResourceArns") or ["*"]
    results = [
        MEMBER.format(escape(action), escape(resource), decision(account, principal, action, resource))
        for action in members(form, "ActionNames")
        for resource in resources
    ]
    return ANSWER.format("".join(results)).encode()

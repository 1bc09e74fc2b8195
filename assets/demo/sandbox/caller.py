"""Who calls the control plane, what that identity may do, and how an operation says no."""


class ServiceError(Exception):
    """An error that the model names, or one of those that all services share."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


class Caller:
    def __init__(self, state, arn):
        self.state, self.arn = state, arn

    async def needs(self, operation, resource, service="sagemaker"):
        action = f"{service}:{operation}"
        if not await self.state.allows(self.arn, action, resource):
            message = f"User: {self.arn} is not authorized to perform: {action} on resource: {resource}"
            raise ServiceError("AccessDeniedException", f"{message} because no identity-based policy allows the {action} action")

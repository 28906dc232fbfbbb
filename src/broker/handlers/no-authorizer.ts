/** The text of SECURITY_DISABLED. */
export const noAuthorizer = 'No Authorizer is configured.'

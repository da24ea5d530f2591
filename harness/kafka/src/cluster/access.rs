//! Requests about credentials and quotas, and those of SASL that come too late: a connection that needs
//! authentication never brings them here.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{SaslAuthenticateResponse, SaslHandshakeResponse};
use kafka_protocol::protocol::StrBytes;

use super::Cluster;
use crate::quota::Quotas;
use crate::security::Credentials;
use crate::wire::{Request, Response};

impl Cluster {
    /// The users of the cluster.
    pub(crate) fn credentials(&mut self) -> &mut Credentials {
        &mut self.credentials
    }

    /// The quotas of clients.
    pub(crate) fn quotas(&mut self) -> &mut Quotas {
        &mut self.quotas
    }

    /// Whether anybody has a quota.
    pub(crate) fn has_quotas(&self) -> bool {
        self.quotas.any()
    }

    /// Answers a request about access; other kinds get none.
    pub(super) fn access_request(&mut self, request: Request) -> Response {
        let too_late = ResponseError::IllegalSaslState.code();
        match request {
            Request::AlterUserScramCredentials(request) => {
                Response::AlterUserScramCredentials(self.credentials.alter(request))
            }
            Request::DescribeUserScramCredentials(request) => {
                Response::DescribeUserScramCredentials(self.credentials.describe(request))
            }
            Request::AlterClientQuotas(request) => {
                Response::AlterClientQuotas(self.quotas.alter(request))
            }
            Request::DescribeClientQuotas(request) => {
                Response::DescribeClientQuotas(self.quotas.describe(request))
            }
            Request::SaslHandshake(_) => {
                Response::SaslHandshake(SaslHandshakeResponse::default().with_error_code(too_late))
            }
            _ => {
                let message = "SaslAuthenticate request received after successful authentication";
                let response = SaslAuthenticateResponse::default().with_error_code(too_late);
                let message = Some(StrBytes::from_static_str(message));
                Response::SaslAuthenticate(response.with_error_message(message))
            }
        }
    }
}

"""A root certificate and a request for a certificate, as OpenSSL makes them."""

from api.security_schemas import CERTIFICATE

__all__ = ["CERTIFICATE", "CSR"]

CSR = (
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIHdMIGEAgEAMCIxEDAOBgNVBAoMB0V4YW1wbGUxDjAMBgNVBAMMBUNQMDAxMFkw\n"
    "EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESefKO4wLUopt+UA6kF21MpQ06ENDprOi\n"
    "vK1JgwPe9BMbMvWPj5JOhceQM/R1deTLk3Axnk5Rz3RUffbcXfUw7aAAMAoGCCqG\n"
    "SM49BAMCA0gAMEUCIQCEljay4vxLHqLlSLYAlsz8KkS4RNFf7WFR9cGdt72CgwIg\n"
    "BRYhODg36AtiMQWBN43j3t81CwsWryNw9Rmx998+EXE=\n"
    "-----END CERTIFICATE REQUEST-----\n"
)
"""Of O=Example, CN=CP001."""

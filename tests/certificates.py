"""A root certificate and a request for a certificate, as OpenSSL makes them."""

from api.security_schemas import CERTIFICATE

__all__ = ["CERTIFICATE", "CSR", "INTERMEDIATE", "OTHER_ROOT"]

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
OTHER_ROOT = (
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBmzCCAUGgAwIBAgICAPIwCgYIKoZIzj0EAwIwKzEQMA4GA1UECgwHRXhhbXBs\n"
    "ZTEXMBUGA1UEAwwORXhhbXBsZSByb290IDIwIBcNMjYxMTI3MTA0NzI0WhgPMjEy\n"
    "NjExMDMxMDQ3MjRaMCsxEDAOBgNVBAoMB0V4YW1wbGUxFzAVBgNVBAMMDkV4YW1w\n"
    "bGUgcm9vdCAyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEM9EfvFJbcDGXAaZH\n"
    "G0J7qYlCcLUzj9SLTJT8793FYWA3uWIVD2ip0qj3+T40MgvSJwe+q3lu3cuKsloa\n"
    "0WpCoaNTMFEwHQYDVR0OBBYEFPCnZf9BcAEMsXb8WK3/9769S5dsMB8GA1UdIwQY\n"
    "MBaAFPCnZf9BcAEMsXb8WK3/9769S5dsMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZI\n"
    "zj0EAwIDSAAwRQIhALtIaUe/Kv90qH+5uDbMc03zdw8nTU4jYc3nSr57R0rcAiAX\n"
    "vV0PtPWipcKHNkdvSaSzhwVgwVxTu8euX7EumpvzJg==\n"
    "-----END CERTIFICATE-----\n"
)
"""Of O=Example, CN=Example root 2; serial number 242, in DER with a zero before it."""
INTERMEDIATE = (
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBRjCB7AIBCzAKBggqhkjOPQQDAjArMRAwDgYDVQQKDAdFeGFtcGxlMRcwFQYD\n"
    "VQQDDA5FeGFtcGxlIHJvb3QgMjAgFw0yNjExMjcxMDQ3MjRaGA8yMTI2MTEwMzEw\n"
    "NDcyNFowMTEQMA4GA1UECgwHRXhhbXBsZTEdMBsGA1UEAwwURXhhbXBsZSBpbnRl\n"
    "cm1lZGlhdGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASoYWOrsh5Pwjzxg/In\n"
    "3T6rdtspvfiBg6WpDGnbQtOJ6cLmeCcEk0+GBPQioXm6EUrLAmpjqbygR8DBq9dt\n"
    "PwxxMAoGCCqGSM49BAMCA0kAMEYCIQCdZ9wGwpZxnd8zfS1bbWJh5k7w/WqSPSCc\n"
    "S23XHI6KkQIhAIuVDXvItLVW+zkgyrmohzmvIBfDPAIYHWXK4QIdjMiF\n"
    "-----END CERTIFICATE-----\n"
)
"""Of O=Example, CN=Example intermediate, serial number 11, signed by the other root."""

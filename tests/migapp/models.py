"""An app whose models come and go: ``tests.capture.changing_app`` makes them, no test run has them for good."""

"""From a trained network to one int8 TFLite file: export, calibrate, quantize, verify, package."""

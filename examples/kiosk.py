"""A kiosk: who smiles for a second gets a coupon; kiosk.csv counts people and smiles by the hour.

python examples/kiosk.py [SOURCE]
"""

import secrets
import sys
from contextlib import suppress

from ferlite import Counts, EventRules, FaceEvent, Pipeline


def give_coupon(smile: FaceEvent) -> None:
    """Print a coupon; hand it to your printer here, in a thread if it takes a second."""
    print(f"What a smile! {smile.lasted:.1f} s. Your coupon: {secrets.token_hex(4)}")


def main(source: str = "virtual:live=true") -> None:  # for a real camera: "picamera:0" or "usb:0"
    """Look until the source ends or Ctrl-C is pressed; a camera that is lost is waited for."""
    rules = EventRules(held={"happy": 1.0}, cooldown=60)
    with Pipeline.open(source, rules=rules, wait=True) as pipeline, Counts("kiosk.csv", every="hour") as counts:
        pipeline.when_held = give_coupon
        pipeline.when_state = lambda change: print("camera:", change.state.name, change.state.reason)
        pipeline.run(counts)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:2])

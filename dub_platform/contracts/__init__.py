"""The contracts of the roles: what every engine promises, as tests that any engine is held to.

    DUB_VOICE=hum python -m pytest --pyargs dub_platform.contracts

Tested are the engines that other packages have, with their settings, and those that the environment
names. Each list is a class, which our own tests inherit from as well. Only this package needs
pytest.
"""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{each}"
        for each in ("separators", "stores", "transcribers", "translators", "voices")
    )
)

"""Start Jupyter's command line quicker. Imported before nbformat, and not for anything else.

``jsonschema`` builds dozens of grammars for a string format that no notebook uses as soon as
``rfc3987_syntax`` can be imported (jupyter_server issue 1559). Hiding that optional module saves
four to five seconds of every Jupyter command; jsonschema is written to live without it.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

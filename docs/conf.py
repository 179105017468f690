"""How the documentation is built: `make docs`, which leaves it in docs/_build/html."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import tinynn  # noqa: E402

project = "tinynn"
author = "the tinynn contributors"
project_copyright = author
version = release = tinynn.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "docstrings",
    "kernel_pages",
    "mathml",
    "reference_pages",
    "source_links",
]
exclude_patterns = ["_build", "_ext"]

# Text
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = [
    "toc.empty_glob",  # learn/ may not be there
    "ref.python",  # a short name, as `dtype`, of which there are several: no link is better than a warning
]

# Notebooks are run when they or tinynn's version change; an exception in one ends the build.
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "notebooks")
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 240
nb_merge_streams = True

# Reference
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autosummary_generate = False
python_use_unqualified_type_names = True
viewcode_line_numbers = True
maximum_signature_line_length = 80

# HTML
html_theme = "furo"
html_title = "tinynn"
html_static_path = ["_static"]
html_css_files = ["tinynn.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
copybutton_exclude = ".linenos, .gp, .go"

# SPDX-License-Identifier: GPL-2.0
"""Sphinx configuration."""

project = "slenc"
copyright = "slenc maintainers"
extensions = []
exclude_patterns = []
html_theme = "sphinx_rtd_theme"
primary_domain = "c"
highlight_language = "none"

# Recipes for test runners and services, as they are to be copied.
contribdir = $(datadir)/seep/contrib
contrib_ctestdir = $(contribdir)/ctest
contrib_githubdir = $(contribdir)/github
contrib_gitlabdir = $(contribdir)/gitlab
dist_contrib_ctest_SCRIPTS = contrib/ctest/seep-memcheck
dist_contrib_github_DATA = contrib/github/action.yml
dist_contrib_gitlab_DATA = contrib/gitlab/seep.gitlab-ci.yml
dist_contrib_DATA = contrib/README.md

TESTS += tests/system/recipes.py
EXTRA_DIST += tests/system/recipes.py contrib/seep.spec

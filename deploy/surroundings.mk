# What lies about on a machine (a shell's profile, an active environment, an image) changes neither
# what is installed, nor where, nor what then runs. From where packages come stays as it was chosen:
# indexes, certificates, proxies, caches.

PACKAGES_COME_FROM := INDEX% %_INDEX %_INDEX_URL FIND_LINKS %_CERT CERT %_CERTS NATIVE_TLS PROXY \
	TRUSTED_HOST INSECURE_HOST %TIMEOUT %RETRIES CACHE_DIR NO_CACHE NO_CACHE_DIR CONFIG_FILE \
	KEYRING_PROVIDER OFFLINE LINK_MODE CONCURRENT_%
KEPT := PYTHON PYTHONDONTWRITEBYTECODE \
	$(addprefix PIP_,$(PACKAGES_COME_FROM)) $(addprefix UV_,$(PACKAGES_COME_FROM))
unexport $(filter-out $(KEPT),$(filter PIP_% UV_% PYTHON% CONDA_% VIRTUAL_ENV%,$(.VARIABLES)))
unexport PYTEST_PLUGINS PYTEST_DISABLE_PLUGIN_AUTOLOAD MYPYPATH GREP_OPTIONS CDPATH BASH_ENV

# Files are read and written as UTF-8, whatever locale this is and whether it exists. Python 3.11
# and 3.12 read where a package lies by the locale alone.
export PYTHONUTF8 := 1
export LC_ALL := C.UTF-8
# A setting of the user's can have pip install for the user, which a virtual environment refuses.
export PIP_USER := 0

# As pip does, uv trusts whom this machine trusts: a company's own authority among them.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt),)
export UV_SYSTEM_CERTS ?= true
endif

# What is on this machine is reached without a proxy.
comma := ,
export no_proxy := 127.0.0.1,localhost,::1$(if $(no_proxy)$(NO_PROXY),$(comma)$(or $(no_proxy),$(NO_PROXY)))
export NO_PROXY := $(no_proxy)

# An account of a container often has no home, or one that it cannot write to.
ifeq ($(shell test -d "$$HOME" && echo there),)
export HOME := $(CURDIR)/.venv/home
endif
ifeq ($(XDG_CACHE_HOME)$(shell test -w "$$HOME" && echo writable),)
export XDG_CACHE_HOME := $(CURDIR)/.venv/cache
endif
ifeq ($(shell test -d "$$TMPDIR" -a -w "$$TMPDIR" && echo writable),)
unexport TMPDIR
endif

# Two at once would both want the lock of Debian's packages.
.NOTPARALLEL:

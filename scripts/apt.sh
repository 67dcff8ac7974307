# shellcheck shell=bash
# Sourced by quickstart.sh and test.sh: installs what a machine lacks, and nothing that starts a service.

# Takes PROGRAM:PACKAGE or LIBRARY.so.N:PACKAGE pairs and installs the packages of those that are not there.
install_missing() {
    local pair name packages=()
    for pair in "$@"; do
        name=${pair%%:*}
        case $name in
            *.so.*) ldconfig -p | grep -q "^[[:space:]]*$name " && continue ;;
            *) PATH=$PATH:/usr/sbin:/sbin command -v "$name" >/dev/null && continue ;;
        esac
        packages+=("${pair#*:}")
    done
    [ ${#packages[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || { echo "missing: ${packages[*]}; install them, there is no apt-get here" >&2; return 1; }
    echo "installing: ${packages[*]}"
    refresh_lists
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

# apt's package lists, once: a new machine has none.
refresh_lists() {
    [ -z "${lists_are_fresh:-}" ] || return 0
    apt-get update -qq
    lists_are_fresh=yes
}

# Unpacks a Debian package into a folder, without installing it: its services are never started.
unpack_package() {
    local package=$1 folder=$2 download
    [ -e "$folder/.unpacked-$package" ] && return 0
    refresh_lists
    download=$(mktemp -d)
    # apt drops its privileges for a download and then needs to write there.
    chmod 755 "$download"
    if [ "$(id -u)" -eq 0 ]; then chown _apt "$download" 2>/dev/null || true; fi
    (cd "$download" && apt-get download -qq "$package")
    mkdir -p "$folder"
    dpkg -x "$download"/"$package"_*.deb "$folder"
    rm -rf "$download"
    touch "$folder/.unpacked-$package"
}

# The path of a real sshd: the installed one, or one unpacked into a folder, with the libraries it needs installed.
real_sshd() {
    local folder=$1 sshd
    sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd || true)
    if [ -z "$sshd" ]; then
        unpack_package openssh-server "$folder" >&2
        sshd=$folder/usr/sbin/sshd
        local library
        while read -r library; do
            case $library in
                libwrap.so.*) install_missing "$library:libwrap0" >&2 ;;
                libaudit.so.*) install_missing "$library:libaudit1" >&2 ;;
                libgssapi_krb5.so.*) install_missing "$library:libgssapi-krb5-2" >&2 ;;
                libwtmpdb.so.*) install_missing "$library:libwtmpdb0" >&2 ;;
                *) echo "sshd needs $library, and no package is known for it" >&2; return 1 ;;
            esac
        done < <(ldd "$sshd" | awk '/not found/ { print $1 }')
    fi
    readlink -f "$sshd"
}

# Options an sshd that is not in its usual place needs: since OpenSSH 9.8 it runs other programs for each session.
sshd_options() {
    local root=${1%/usr/sbin/sshd}
    [ -n "$root" ] || return 0
    if [ -x "$root/usr/lib/openssh/sshd-session" ]; then printf -- '-o SshdSessionPath=%s ' "$root/usr/lib/openssh/sshd-session"; fi
    if [ -x "$root/usr/lib/openssh/sshd-auth" ]; then printf -- '-o SshdAuthPath=%s ' "$root/usr/lib/openssh/sshd-auth"; fi
}

# $1: how many versions of mcpod are left.
if [ "$1" -eq 0 ]; then
    users=
    while IFS=: read -r name _ _ _ _ home _; do
        for socket in "$home"/.config/systemd/user/mcpod-*.socket; do
            [ -e "$socket" ] || continue
            users="$users $name"
            break
        done
    done <<EOF
$(getent passwd)
EOF
    if [ -n "$users" ]; then
        echo "mcpod: the servers of these users stay active:$users"
        echo "  They answer without mcpod, but for remote ones and those with secrets, which nobody decrypts any more. Nobody stops sessions whose"
        echo "  client was killed. To take them away, their user installs mcpod again and says: mcpod remove NAME"
        echo "  Settings, secrets and the catalog stay in ~/.config/mcpod, ~/.local/share/mcpod and ~/.cache/mcpod."
    fi
    systemctl --global disable --quiet mcpod-refresh.timer || :
    if [ -d /run/systemd/system ]; then
        systemctl list-units --plain --no-legend --state=active 'user@*.service' 2>/dev/null | while read -r unit _; do
            uid=${unit#user@}
            uid=${uid%.service}
            systemctl --user --machine="$uid@.host" stop mcpod-refresh.timer mcpod.socket mcpod.service mcpod-guard.service || :
        done
    fi
fi

//! Root 13 and beyond: a step writes where it may, gains no rights, and does not reach other processes.

use crate::harness::{Mode, Scene, step};

#[test]
fn nothing_outside_is_changed() {
    let attacks = [
        "echo bad > CANARY/file",
        "echo bad >> CANARY/folder/deep/file",
        "truncate -s 0 CANARY/file",
        "rm -rf CANARY/folder",
        "mv CANARY/file CANARY/other",
        "mv CANARY/file $PWD/taken",
        "ln -sf /etc/passwd CANARY/file",
        "mkdir CANARY/new",
        "mkfifo CANARY/pipe",
        "ln CANARY/file $PWD/hard && echo bad > $PWD/hard",
        "ln -s CANARY out; echo bad > out/file; rm -rf out/folder",
        "cd CANARY && echo bad > file",
        "echo bad > $HOME/.bashrc; echo bad > $HOME/.ssh/authorized_keys",
        "setsid bash -c 'echo bad > CANARY/file' & sleep 0.2",
        "exec 3<CANARY/file; echo bad > /proc/self/fd/3",
        "python3 -c 'import os; os.truncate(\"CANARY/file\", 0)'",
        "sudo -n bash -c 'echo bad > CANARY/file'",
        "mount --bind $PWD CANARY",
        "unshare -rm mount --bind $PWD CANARY",
        "device=$(stat -c '%Hd %Ld' CANARY); mknod $PWD/disk b $device && echo bad > $PWD/disk",
    ];
    for mode in Mode::confined() {
        let scene = Scene::new(mode);
        scene.program(&step("a", &(attacks.join(" ; ") + "; true"), ""));
        scene.run(&["run", "p.yaml"]);
        scene.unharmed("writing");
        assert!(!scene.at("work/disk").exists());
    }
}

#[test]
fn disks_are_not_written_and_other_processes_not_reached() {
    for mode in Mode::confined() {
        let scene = Scene::new(mode);
        let script = "for d in /dev/sd? /dev/vd? /dev/nvme?n?; do [ -b $d ] && exec 3<>$d && echo disk; done
            : 3>/proc/$PPID/mem && echo memory
            kill -9 $PPID && echo killed
            cat /proc/$PPID/environ >/dev/null && echo environment
            grep -q 'NoNewPrivs:.1' /proc/self/status || echo privileges
            echo end";
        scene.program(&step("a", script, ""));
        let (code, _, errors) = scene.run(&["run", "p.yaml"]);
        let (_, log, _) = scene.run(&["logs", "last", "a"]);
        for reached in ["\ndisk", "\nmemory", "killed", "\nenvironment", "privileges"] {
            assert!(!format!("\n{log}").contains(reached), "{reached}: {log}");
        }
        assert!(code == 0 && log.contains("end"), "{errors}");
    }
}

#[test]
fn a_step_without_network_has_none() {
    for mode in Mode::all() {
        let scene = Scene::new(mode);
        let tries = "exec 2>/dev/null
            (exec 3<>/dev/tcp/127.0.0.1/9) && echo tcp
            (exec 3<>/dev/udp/127.0.0.1/9) && echo udp
            python3 -c 'import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)' && echo six
            python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)' && echo raw
            python3 -c 'import socket; socket.socketpair()' && echo pair";
        for (settings, more) in [
            ("", &["--no-network"][..]),
            ("", &["--no-network", "--unconfined"]),
            ("    settings: {network: none}\n", &[]),
            ("    settings: {network: none}\n", &["--unconfined"]),
        ] {
            scene.program(&step("a", tries, settings));
            let arguments = [&["run", "p.yaml", "--fresh"][..], more].concat();
            let (code, _, errors) = scene.run(&arguments);
            assert_eq!(code, 0, "{errors}");
            assert_eq!(scene.run(&["logs", "last", "a"]).1, "pair\n");
        }
    }
}

#[test]
fn paths_do_not_lead_out_and_a_step_does_not_say_where_another_may_write() {
    for mode in Mode::confined() {
        let scene = Scene::new(mode);
        for output in ["WORK/../canary/file", "WORK/a/../../canary/file"] {
            let outputs =
                format!("    outputs: [{{name: data, source: {{kind: artifact, path: {output}}}}}]\n");
            scene.program(&step("a", &format!("echo bad > {output}"), &outputs));
            let (code, _, errors) = scene.run(&["run", "p.yaml"]);
            assert!(code == 1 && errors.contains("leads out"), "{errors}");
        }
        let save = "  - name: b\n    run: {function: run_component, component: data.save, arguments: {destination: \"{{steps.a.result}}\"}}\n    inputs: [{kind: artifact, name: data, step: a, output: data}]\n";
        let made = "    outputs: [{name: data, source: {kind: artifact, path: WORK/made}}]\n";
        scene.program(&(step("a", "echo x > made; echo CANARY/file", made) + save));
        scene.run(&["run", "p.yaml", "--no-retry"]);
        scene.unharmed("a destination that a step wrote");
    }
}

#[test]
fn who_starts_at_home_is_told() {
    let scene = Scene::new(Mode::all()[0]);
    scene.program(&step("a", "true", ""));
    let mut command = scene.couler(&["run", "../work/p.yaml"]);
    command.current_dir(scene.at("user"));
    let (_, _, errors) = scene.finished(command);
    assert!(errors.contains("your home"), "{errors}");
    let mut command = scene.couler(&["run", "work/p.yaml"]);
    command.current_dir(scene.at(""));
    let (_, _, errors) = scene.finished(command);
    assert!(errors.contains("couler's own folder"), "{errors}");
}

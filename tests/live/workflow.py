"""An Automator workflow of one action, Run Shell Script."""
import plistlib

ACTION = "/System/Library/Automator/Run Shell Script.action"


def write(path, command):
    parameters = {
        "COMMAND_STRING": command, "CheckedForUserDefaultShell": True, "inputMethod": 0, "shell": "/bin/sh", "source": "",
    }
    action = {
        "AMAccepts": {"Container": "List", "Optional": True, "Types": ["com.apple.cocoa.string"]},
        "AMProvides": {"Container": "List", "Types": ["com.apple.cocoa.string"]},
        "AMActionVersion": "2.0.3",
        "AMApplication": ["Automator"],
        "AMParameterProperties": {name: {} for name in parameters},
        "ActionBundlePath": ACTION,
        "ActionName": "Run Shell Script",
        "ActionParameters": parameters,
        "BundleIdentifier": "com.apple.RunShellScript",
        "CFBundleVersion": "2.0.3",
        "CanShowSelectedItemsWhenRun": False,
        "CanShowWhenRun": True,
        "Category": ["AMCategoryUtilities"],
        "Class Name": "RunShellScriptAction",
        "InputUUID": "11111111-1111-4111-8111-111111111111",
        "OutputUUID": "22222222-2222-4222-8222-222222222222",
        "UUID": "33333333-3333-4333-8333-333333333333",
        "isViewVisible": True,
    }
    document = {
        "AMApplicationBuild": "521.1",
        "AMApplicationVersion": "2.10",
        "AMDocumentVersion": "2",
        "actions": [{"action": action, "isViewVisible": True}],
        "connectors": {},
        "workflowMetaData": {"workflowTypeIdentifier": "com.apple.Automator.workflow"},
    }
    contents = path / "Contents"
    contents.mkdir(parents=True, exist_ok=True)
    (contents / "document.wflow").write_bytes(plistlib.dumps(document))
    return path

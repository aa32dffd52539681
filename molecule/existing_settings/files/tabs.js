// Tabs, and everything on few lines.
module.exports = {
	uiPort: 1880,	flowFile: "flows.json",
	//adminAuth: {
	//	type: "credentials",
	//},
	editorTheme: {
		page: {	title: "Kitchen" },
	},
	exportGlobalContextKeys: false
};
